// Backstage's LunrSearchEngine, as it is, over the documents and queries that stdin holds: {types: {type: [document]}, queries: [term]}.
// Prints for each query the locations of its hits, the best first. Only the engine is loaded, not the plugin around it.
const path = require('node:path');
const { once } = require('node:events');

const engines = path.join(__dirname, 'node_modules/@backstage/plugin-search-backend-node/dist/engines');
const { LunrSearchEngine } = require(path.join(engines, 'LunrSearchEngine.cjs.js'));

const logger = { child: () => logger, warn: () => {}, info: () => {}, debug: () => {}, error: message => process.stderr.write(`${message}\n`) };

async function main() {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  const { types, queries } = JSON.parse(Buffer.concat(chunks).toString('utf-8'));
  const engine = new LunrSearchEngine({ logger });
  for (const [type, documents] of Object.entries(types)) {
    const indexer = await engine.getIndexer(type);
    for (const document of documents) indexer.write(document);
    indexer.end();
    await once(indexer, 'close');
  }
  const found = [];
  for (const term of queries) {
    const { results } = await engine.query({ term, pageLimit: 100 });
    found.push(results.map(result => result.document.location));
  }
  process.stdout.write(JSON.stringify(found));
}

main();
