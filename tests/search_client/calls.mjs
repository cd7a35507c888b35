// Asks a server by the client of search in Backstage's frontend. Its address is the argument, the queries come by stdin; what the server and the
// client answered, and the description of the API in Backstage's backend, go to stdout.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import { SearchClient } from './node_modules/@backstage/plugin-search/dist/apis.esm.js';

const generated = './node_modules/@backstage/plugin-search-backend/dist/schema/openapi/generated/router.cjs.js';
const { spec } = createRequire(import.meta.url)(generated);

const received = [];
const fetchApi = {
  async fetch(url, options) {
    const response = await fetch(url, options);
    received.push({ status: response.status, type: response.headers.get('content-type'), body: await response.clone().json() });
    return response;
  },
};
const client = new SearchClient({ discoveryApi: { getBaseUrl: async plugin => `${process.argv[2]}/api/${plugin}` }, fetchApi });

const answers = [];
for (const query of JSON.parse(readFileSync(0, 'utf8'))) {
  // Further pages are asked for by a cursor of the answer before.
  const pageCursor = answers.at(-1)?.results?.[query.pageCursor] ?? query.pageCursor;
  const failed = error => ({ refused: { name: error.name, message: error.message, cause: error.cause.name, body: error.body } });
  answers.push(await client.query({ ...query, pageCursor }).then(results => ({ results }), failed));
}
process.stdout.write(JSON.stringify({ spec, received, answers }));
