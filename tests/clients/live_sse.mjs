// graphql-sse as its readme has it. Given, as one line: url, token, query, results (how many to hear before it leaves).
// Says one line of JSON for each thing that happens.
import { createClient } from 'graphql-sse';
import { createInterface } from 'node:readline';

const given = await new Promise((resolve) => createInterface(process.stdin).once('line', resolve));
const { url, token, query, results } = JSON.parse(given);
const tell = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);

const client = createClient({
  url,
  retryAttempts: 20,
  retry: () => new Promise((resolve) => setTimeout(resolve, 100)),
  headers: { authorization: `Bearer ${token}` },
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
      tell({ error: { status: error.response?.status, message: error.message } });
      process.exit(0);
    },
    complete: () => {
      tell({ complete: true });
      client.dispose();
      process.stdin.destroy();
    },
  },
);
