// Asks a server by Backstage's own client of permissions; its address is the argument, the questions come by stdin and the answers go to stdout.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';

const { PermissionClient, createPermission } = createRequire(import.meta.url)('@backstage/plugin-permission-common');
const discovery = { getBaseUrl: async plugin => `${process.argv[2]}/api/${plugin}` };

function client(batched) {
  const set = { 'permission.enabled': true, 'permission.EXPERIMENTAL_enableBatchedRequests': batched };
  return new PermissionClient({ discovery, config: { getOptionalBoolean: key => set[key] } });
}

const questions = JSON.parse(readFileSync(0, 'utf8')).map(({ name, ref }) => ({
  permission: createPermission({ name, attributes: {}, ...(ref ? { resourceType: 'catalog-entity' } : {}) }),
  ...(ref ? { resourceRef: ref } : {}),
}));
const answers = {};
for (const [mode, batched] of [['single', false], ['batched', true]]) {
  answers[mode] = (await client(batched).authorize(questions)).map(one => one.result);
}
const withoutRef = createPermission({ name: 'catalog.entity.read', attributes: {}, resourceType: 'catalog-entity' });
answers.conditional = await client(false)
  .authorizeConditional([{ permission: withoutRef }])
  .catch(error => `${error.statusCode} ${error.cause?.message}`);
process.stdout.write(JSON.stringify(answers));
