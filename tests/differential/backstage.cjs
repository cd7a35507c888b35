// Reads one catalog text per line, {"id", "text", "model"}, as Backstage's catalog backend does, and writes what became of its documents.
'use strict';

const { createInterface } = require('node:readline');
const path = require('node:path');

const backend = path.dirname(require.resolve('@backstage/plugin-catalog-backend/package.json'));
const inside = (file) => require(path.join(backend, 'dist', file));

const model = require('@backstage/catalog-model');
const alpha = require('@backstage/catalog-model/alpha');
const { parseEntityYaml } = require('@backstage/plugin-catalog-node');
const { ScaffolderEntitiesProcessor } = require(path.join(
  path.dirname(require.resolve('@backstage/plugin-catalog-backend-module-scaffolder-entity-model/package.json')),
  'dist/processor/ScaffolderEntitiesProcessor.cjs.js',
));
const { DefaultCatalogProcessingOrchestrator } = inside('processing/DefaultCatalogProcessingOrchestrator.cjs.js');
const { ProcessorOutputCollector } = inside('processing/ProcessorOutputCollector.cjs.js');
const { BuiltinKindsEntityProcessor } = inside('processors/BuiltinKindsEntityProcessor.cjs.js');
const { AnnotateLocationEntityProcessor } = inside('processors/AnnotateLocationEntityProcessor.cjs.js');
const { ModelProcessor } = inside('processors/ModelProcessor.cjs.js');

const location = { type: 'file', target: '/catalog/catalog-info.yaml' };
const parent = {
  apiVersion: 'backstage.io/v1alpha1',
  kind: 'Location',
  metadata: {
    name: 'the-parent-of-all',
    annotations: {
      [model.ANNOTATION_LOCATION]: 'file:/catalog/catalog-info.yaml',
      [model.ANNOTATION_ORIGIN_LOCATION]: 'file:/catalog/catalog-info.yaml',
    },
  },
  spec: {},
};
const quiet = { debug() {}, info() {}, warn() {}, error() {}, child: () => quiet };

// What CatalogBuilder puts together by default, with the processor of Templates.
function orchestrator(kinds) {
  return new DefaultCatalogProcessingOrchestrator({
    processors: [
      kinds,
      new AnnotateLocationEntityProcessor({ integrations: {} }),
      new ScaffolderEntitiesProcessor(),
      { getProcessorName: () => 'NothingReader', readLocation: async () => true },
    ],
    policy: model.EntityPolicies.allOf([
      new model.SchemaValidEntityPolicy(),
      new model.DefaultNamespaceEntityPolicy(),
      new model.NoForeignRootFieldsEntityPolicy(),
      new model.FieldFormatEntityPolicy(model.makeValidator()),
    ]),
    integrations: {},
    logger: quiet,
    parser: async function* none() {},
    rulesEnforcer: { isAllowed: () => true },
  });
}

const compiled = alpha.compileCatalogModel([
  alpha.defaultCatalogEntityModel,
  alpha.mcpServerApiEntityModel,
  alpha.aiResourceEntityModel,
]);
const byKind = orchestrator(new BuiltinKindsEntityProcessor());
const byModel = orchestrator(new ModelProcessor({ model: compiled }));

async function processed(item, through) {
  const collector = new ProcessorOutputCollector(quiet, parent);
  collector.generic()(item);
  const { deferredEntities, errors } = collector.results();
  if (errors.length) {
    return { ok: false, error: String(errors[0]) };
  }
  const result = await through.process({ entity: deferredEntities[0].entity, state: {} });
  if (!result.ok) {
    return { ok: false, error: String(result.errors[0]) };
  }
  const { entity } = deferredEntities[0];
  // What can't be written as JSON does not get into its database either.
  const spec = JSON.parse(JSON.stringify(entity.spec));
  return {
    ok: true,
    ref: model.stringifyEntityRef(entity),
    spec,
    relations: result.relations.map((r) => [model.stringifyEntityRef(r.source), r.type, model.stringifyEntityRef(r.target)]),
  };
}

async function main() {
  for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
    const { id, text, model: useModel } = JSON.parse(line);
    const documents = [];
    try {
      for (const item of parseEntityYaml(text, location)) {
        documents.push(item.type === 'entity' ? await processed(item, useModel ? byModel : byKind) : { ok: false, error: String(item.error) });
      }
    } catch (error) {
      documents.push({ ok: false, error: String(error) });
    }
    process.stdout.write(`${JSON.stringify({ id, documents })}\n`);
  }
}

main();
