// Apollo Client as its documentation has it. Given: url, token, id (a contact's).
import { ApolloClient, CombinedGraphQLErrors, HttpLink, InMemoryCache, ServerError, gql } from '@apollo/client';
import { text } from 'node:stream/consumers';

const { url, token, id } = JSON.parse(await text(process.stdin));
const sent = [];

function connect(options = {}) {
  const link = new HttpLink({
    uri: url,
    headers: { authorization: `Bearer ${token}` },
    fetch: async (input, init) => {
      const answer = await fetch(input, init);
      const type = answer.headers.get('content-type').split(';')[0];
      sent.push({ method: init.method, status: answer.status, type });
      return answer;
    },
    ...options,
  });
  return new ApolloClient({ link, cache: new InMemoryCache({ possibleTypes: { Node: ['Contact', 'Matter'] } }) });
}

function told(error) {
  if (CombinedGraphQLErrors.is(error)) return { kind: 'graphql', codes: error.errors.map((e) => e.extensions.code) };
  if (ServerError.is(error)) return { kind: 'server', status: error.statusCode };
  return { kind: error.name, message: error.message };
}

const LIST = gql`
  query Contacts($first: Int!) {
    contacts(first: $first) { totalCount nodes { id clioId company { id name } } pageInfo { endCursor } }
  }
`;
const NODE = gql`query Node($id: ID!) { node(id: $id) { id ... on Contact { clioId title } } }`;
const PARTIAL = gql`query Partial { me { subject } node(id: "x") { id } }`;
const INVALID = gql`query Invalid { nothing }`;
const FORBIDDEN = gql`mutation Sync { syncNow { runs { id } } }`;

const client = connect();
const list = await client.query({ query: LIST, variables: { first: 3 } });
const asked = sent.length;
await client.query({ query: LIST, variables: { first: 3 } });
const node = await client.query({ query: NODE, variables: { id } });
const fragment = client.cache.readFragment({
  id: client.cache.identify({ __typename: 'Contact', id }),
  fragment: gql`fragment Both on Contact { id clioId title }`,
});
const all = await client.query({ query: PARTIAL, errorPolicy: 'all' });
const ignored = await client.query({ query: PARTIAL, errorPolicy: 'ignore', fetchPolicy: 'network-only' });
const thrown = await client.query({ query: PARTIAL, fetchPolicy: 'network-only' }).catch(told);
const invalid = await client.query({ query: INVALID }).catch(told);
const forbidden = await client.mutate({ mutation: FORBIDDEN }).catch(told);
const stranger = await connect({ headers: {} }).query({ query: PARTIAL }).catch(told);
const before = sent.length;
const byGet = await connect({ useGETForQueries: true }).query({ query: LIST, variables: { first: 1 } });

process.stdout.write(
  JSON.stringify({
    list: list.data,
    asked,
    node: node.data.node,
    fragment,
    cached: Object.keys(client.cache.extract()).filter((key) => key.startsWith('Contact:')),
    all: { data: all.data, error: told(all.error) },
    ignored: ignored.data,
    thrown,
    invalid,
    forbidden,
    stranger,
    byGet: { first: byGet.data.contacts.nodes[0].clioId, sent: sent.slice(before) },
    types: [...new Set(sent.map((each) => each.type))],
  }),
);
