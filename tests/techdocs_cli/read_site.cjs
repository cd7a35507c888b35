// Reads a site with Backstage's own publisher: node read_site.cjs SETTINGS PAGE; what it finds goes to stdout as JSON.
const http = require('http');
const { ConfigReader } = require('@backstage/config');
const { Publisher } = require('@backstage/plugin-techdocs-node');
const express = require('express');

const [settings, page] = process.argv.slice(2);
const logger = { child: () => logger, info() {}, debug() {}, warn() {}, error: console.error };
const discovery = { getBaseUrl: async () => 'http://localhost/api/techdocs' };

async function main() {
  const publisher = await Publisher.fromConfig(new ConfigReader(JSON.parse(settings)), { logger, discovery });
  const entity = { apiVersion: 'backstage.io/v1alpha1', kind: 'Component', metadata: { namespace: 'default', name: 'Shop' } };
  const generated = await publisher.hasDocsBeenGenerated(entity);
  const metadata = await publisher.fetchTechDocsMetadata({ kind: 'Component', namespace: 'default', name: 'Shop' });
  const server = http.createServer(express().use(publisher.docsRouter()));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const answer = await fetch(`http://127.0.0.1:${server.address().port}/default/component/shop/${page}`);
  process.stdout.write(JSON.stringify({ generated, metadata, status: answer.status, page: await answer.text() }));
}

main().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
