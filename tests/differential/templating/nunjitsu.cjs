// Reads one template per line, {"source", "context", "mode", "syntax"}, as Backstage's scaffolder does, and writes what it renders to.
'use strict';

const { createInterface } = require('node:readline');
const path = require('node:path');
const lodash = require('lodash');
const { parseEntityRef } = require('@backstage/catalog-model');
const { createTemplateRenderer } = require('nunjitsu');

const node = path.dirname(require.resolve('@backstage/plugin-scaffolder-node/package.json'));
const { parseRepoUrl } = require(path.join(node, 'dist/actions/util.cjs.js'));

const TYPES = { 'github.com': 'github', 'gitlab.com': 'gitlab', 'bitbucket.org': 'bitbucketCloud', 'dev.azure.com': 'azure', 'gitea.com': 'gitea' };
const integrations = { byHost: (host) => (TYPES[host] ? { type: TYPES[host] } : undefined) };

// As createDefaultFilters and NunjucksWorkflowRunner of @backstage/plugin-scaffolder-backend put them together.
const filters = {
  parseRepoUrl: (url) => parseRepoUrl(url, integrations),
  parseEntityRef: (ref, context) => parseEntityRef(ref, context),
  pick: (input, ...given) => lodash.get(input, ...given),
  projectSlug: (url) => {
    const { owner, repo } = parseRepoUrl(url, integrations);
    return `${owner}/${repo}`;
  },
};
// What runs on without an end should do so quickly.
const limits = { workUnits: 100000 };
const globals = { always: () => true, failure: () => false };
const renderers = new Map();

function rendererOf(syntax) {
  const key = JSON.stringify(syntax);
  if (!renderers.has(key)) {
    renderers.set(key, createTemplateRenderer({ filters, globals, allowRegexExecution: true, ...syntax }));
  }
  return renderers.get(key);
}

function rendered({ source, context, mode, syntax }) {
  const renderer = rendererOf(syntax);
  try {
    if (mode === 'text') return { value: renderer.render(source, context, { limits }) };
    const value = renderer.renderValue(source, renderer.prepareContext(context), { coercion: 'json', limits });
    return value === undefined ? { undefined: true } : { value };
  } catch (error) {
    return { error: String(error.message) };
  }
}

createInterface({ input: process.stdin }).on('line', (line) => process.stdout.write(`${JSON.stringify(rendered(JSON.parse(line)))}\n`));
