// urql as its documentation has it. Given: url, token.
import { Client, cacheExchange, fetchExchange, gql } from '@urql/core';
import { text } from 'node:stream/consumers';

const { url, token } = JSON.parse(await text(process.stdin));
const sent = [];

function connect(preferGetMethod) {
  return new Client({
    url,
    preferGetMethod,
    exchanges: [cacheExchange, fetchExchange],
    fetchOptions: { headers: { authorization: `Bearer ${token}` } },
    fetch: async (input, init) => {
      const answer = await fetch(input, init);
      const type = answer.headers.get('content-type').split(';')[0];
      sent.push({ method: init.method ?? 'GET', status: answer.status, type, accept: init.headers.accept });
      return answer;
    },
  });
}

const LIST = gql`query Contacts($first: Int!) { contacts(first: $first) { nodes { id clioId } } }`;
const PARTIAL = gql`{ me { subject } node(id: "x") { id } }`;
const INVALID = gql`{ nothing }`;
const FORBIDDEN = gql`mutation { syncNow { runs { id } } }`;
const told = (error) => ({ codes: error.graphQLErrors.map((e) => e.extensions.code), network: !!error.networkError });

async function ask(client) {
  const list = await client.query(LIST, { first: 2 }).toPromise();
  const again = await client.query(LIST, { first: 2 }).toPromise();
  const partial = await client.query(PARTIAL, {}).toPromise();
  const invalid = await client.query(INVALID, {}).toPromise();
  const forbidden = await client.mutation(FORBIDDEN, {}).toPromise();
  const requests = sent.splice(0);
  return {
    list: list.data,
    isSame: JSON.stringify(again.data) === JSON.stringify(list.data),
    partial: { data: partial.data, error: told(partial.error) },
    invalid: told(invalid.error),
    forbidden: told(forbidden.error),
    requests: requests.map(({ method, status, type }) => ({ method, status, type })),
    offered: requests[0].accept.includes('text/event-stream'),
  };
}

const posted = await ask(connect(false));
const got = await ask(connect('force'));
process.stdout.write(JSON.stringify({ posted, got }));
