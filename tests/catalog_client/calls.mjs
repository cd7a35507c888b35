// Calls methods of Backstage's client of the catalog: each line of the input is a call, each line of the output its result or error.
import { createInterface } from 'node:readline';
import { CatalogClient, CATALOG_FILTER_EXISTS } from '@backstage/catalog-client';

const [base, token] = process.argv.slice(2);
const requests = [];
const client = new CatalogClient({
  discoveryApi: { getBaseUrl: async plugin => `${base}/api/${plugin}` },
  fetchApi: {
    fetch: (url, options = {}) => {
      requests.push(`${options.method ?? 'GET'} ${decodeURIComponent(new URL(url).pathname)}`);
      return fetch(url, options);
    },
  },
});

// JSON has no symbols, by which the client knows "any value".
const revived = (_, value) => (value === '$exists' ? CATALOG_FILTER_EXISTS : value);

async function result(method, given) {
  if (method === 'methods') {
    return Object.getOwnPropertyNames(CatalogClient.prototype).filter(name => name !== 'constructor');
  }
  const options = token ? { token } : undefined;
  const found = client[method](...given, options);
  if (found[Symbol.asyncIterator] === undefined) {
    return await found;
  }
  const pages = [];
  for await (const page of found) {
    pages.push(page);
  }
  return pages;
}

for await (const line of createInterface({ input: process.stdin })) {
  const { method, given } = JSON.parse(line, revived);
  requests.length = 0;
  let answer;
  try {
    answer = { value: (await result(method, given)) ?? null };
  } catch (error) {
    answer = { error: { name: error.name, message: error.message, status: error.statusCode ?? error.response?.status ?? null, cause: error.cause?.message ?? null } };
  }
  process.stdout.write(`${JSON.stringify({ ...answer, requests })}\n`);
}
