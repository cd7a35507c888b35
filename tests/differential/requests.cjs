// Writes Backstage's OpenAPI description of the catalog, or reads requests as its backend does: {"filter": […]} or {"fields": […], "entity"}.
'use strict';

const { createInterface } = require('node:readline');
const Module = require('node:module');
const path = require('node:path');

const backend = path.dirname(require.resolve('@backstage/plugin-catalog-backend/package.json'));
const inside = file => require(path.join(backend, 'dist', file));

function description() {
  // What makes a server of the description is not installed here, and is not asked for anything.
  const load = Module._load;
  Module._load = (name, ...more) => (name === '@backstage/backend-openapi-utils' ? {} : load(name, ...more));
  return inside('schema/openapi/generated/router.cjs.js').spec;
}

function read(request) {
  const { parseEntityFilterParams } = inside('service/request/parseEntityFilterParams.cjs.js');
  const { parseEntityTransformParams } = inside('service/request/parseEntityTransformParams.cjs.js');
  const { buildEntitySearch } = inside('database/operations/stitcher/buildEntitySearch.cjs.js');
  try {
    if ('filter' in request) {
      return { value: parseEntityFilterParams({ filter: request.filter }) ?? null };
    }
    if ('fields' in request) {
      const select = parseEntityTransformParams({ fields: request.fields });
      return { value: select ? select(request.entity) : request.entity };
    }
    return { value: buildEntitySearch('id', request.entity) };
  } catch (error) {
    return { error: error.message };
  }
}

if (process.argv[2] === 'description') {
  process.stdout.write(JSON.stringify(description()));
} else {
  createInterface({ input: process.stdin }).on('line', line => process.stdout.write(`${JSON.stringify(read(JSON.parse(line)))}\n`));
}
