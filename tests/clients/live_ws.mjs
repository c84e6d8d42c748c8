// graphql-ws as its readme has it. Given, as one line: url, token, query, results (how many to hear before it leaves).
// Says one line of JSON for each thing that happens.
import { createClient } from 'graphql-ws';
import { createInterface } from 'node:readline';
import WebSocket from 'ws';

const given = await new Promise((resolve) => createInterface(process.stdin).once('line', resolve));
const { url, token, query, results } = JSON.parse(given);
const tell = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);

const client = createClient({
  url,
  webSocketImpl: WebSocket,
  lazy: true,
  retryAttempts: 20,
  shouldRetry: () => true, // a connection that is refused is an error of its own in node, not a close
  retryWait: () => new Promise((resolve) => setTimeout(resolve, 100)),
  connectionParams: { authorization: `Bearer ${token}` },
  on: { closed: (event) => tell({ closed: event.code, reason: event.reason }) },
});

let left = results;
const unsubscribe = client.subscribe(
  { query },
  {
    next: (result) => {
      tell({ result });
      left -= 1;
      if (left === 0) unsubscribe();
    },
    error: (error) => {
      tell({ error: Array.isArray(error) ? error : { code: error.code, reason: error.reason } });
      process.exit(0);
    },
    complete: async () => {
      tell({ complete: true });
      await client.dispose();
      process.stdin.destroy();
    },
  },
);
