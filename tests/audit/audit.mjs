// Audits the GraphQL over HTTP server at the given address and prints every result as JSON: id, name, status.
import { auditServer } from 'graphql-http';

const results = await auditServer({ url: process.argv[2] });
console.log(JSON.stringify(results.map(({ id, name, status, reason }) => ({ id, name, status, reason }))));
