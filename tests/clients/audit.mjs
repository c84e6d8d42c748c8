// The audit of the GraphQL over HTTP specification, by the package graphql-http. Given: url, token.
import { auditServer } from 'graphql-http';
import { text } from 'node:stream/consumers';

const { url, token } = JSON.parse(await text(process.stdin));
const results = await auditServer({
  url,
  fetchFn: (input, init = {}) =>
    fetch(input, { ...init, headers: { ...init.headers, authorization: `Bearer ${token}` } }),
});
const told = results.map(({ id, name, status, ...rest }) => ({ id, name, status, reason: rest.reason ?? null }));
process.stdout.write(JSON.stringify(told));
