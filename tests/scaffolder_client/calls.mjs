// Calls methods of Backstage's client of the scaffolder, one after another, and prints what each gives. Arguments: address, form of streams.
import { createRequire } from 'node:module';

const { ScaffolderClient } = createRequire(import.meta.url)('@backstage/plugin-scaffolder-common');

const [base, streams] = process.argv.slice(2);
// The stream's client was written for browsers.
globalThis.document ??= { hidden: false, addEventListener() {}, removeEventListener() {} };
globalThis.window ??= globalThis;

const client = new ScaffolderClient({
  discoveryApi: { getBaseUrl: async plugin => `${base}/api/${plugin}` },
  fetchApi: { fetch },
  identityApi: { getBackstageIdentity: async () => ({ userEntityRef: 'user:default/guest' }) },
  scmIntegrationsApi: {},
  useLongPollingLogs: streams === 'polling',
});

const log = taskId =>
  new Promise((resolve, reject) => {
    const events = [];
    client.streamLogs({ taskId }).subscribe({ next: event => events.push(event), error: reject, complete: () => resolve(events) });
  });

const failure = async attempt => {
  try {
    await attempt;
    return 'nothing was refused';
  } catch (error) {
    return error.message;
  }
};

const templateRef = 'template:default/service';
const template = {
  apiVersion: 'scaffolder.backstage.io/v1beta3',
  kind: 'Template',
  metadata: { name: 'new' },
  spec: { type: 'service', steps: [{ id: 'fetch', action: 'fetch:plain', input: { url: './skeleton' } }] },
};
const directoryContents = [{ path: 'skeleton/a.txt', base64Content: 'YQ==' }];

const told = {};
told.schema = await client.getTemplateParameterSchema(templateRef);
told.actions = (await client.listActions()).map(action => action.id);
told.refused = await failure(client.scaffold({ templateRef, values: { name: 'NOT' } }));
told.missing = await failure(client.getTask('none'));
told.taskId = (await client.scaffold({ templateRef, values: { name: 'shop' }, secrets: { token: 'private' } })).taskId;
told.log = await log(told.taskId);
told.task = await client.getTask(told.taskId);
told.tasks = await client.listTasks({ filterByOwnership: 'owned', limit: 10 });
told.dryRun = await client.dryRun({ template, values: {}, secrets: {}, directoryContents });
const failing = (await client.scaffold({ templateRef: 'template:default/failing', values: {} })).taskId;
told.failed = (await log(failing)).at(-1);
told.retried = await client.retry(failing);
told.again = (await log(failing)).at(-1);
const waiting = (await client.scaffold({ templateRef: 'template:default/waiting', values: {} })).taskId;
told.cancelled = await client.cancelTask(waiting);
told.ended = (await log(waiting)).map(event => event.type);
process.stdout.write(JSON.stringify(told));
process.exit(0);
