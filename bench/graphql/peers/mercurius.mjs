// Mercurius on Fastify: compiled queries (jit from the first one), one statement for each level, a pool of 8.
import Fastify from "fastify";
import mercurius from "mercurius";
import pg from "pg";

const FIRM = 1;
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 8, min: 8 });

// A name makes node-postgres prepare the statement once for each connection.
const read = async (name, text, values) => (await pool.query({ name, text, values })).rows;

const schema = `
  type Query { matter(clioId: ID!): Matter matters(first: Int!, after: String): MatterConnection! }
  type MatterConnection { nodes: [Matter!]! }
  type ActivityConnection { nodes: [Activity!]! }
  type Contact { clioId: ID! name: String type: String }
  type User { clioId: ID! name: String email: String }
  type Matter {
    clioId: ID! displayNumber: String description: String status: String openDate: String
    client: Contact responsibleAttorney: User activities(first: Int!): ActivityConnection!
  }
  type Activity {
    clioId: ID! type: String date: String quantityInHours: String total: String note: String user: User
  }`;

const matterColumns = `clio_id AS "clioId", display_number AS "displayNumber", description, status,
  open_date::text AS "openDate", client_clio_id AS "clientId", responsible_attorney_clio_id AS "attorneyId"`;

const resolvers = {
  Query: {
    matter: async (_, { clioId }) =>
      (await read("one", `SELECT ${matterColumns} FROM matters_matter WHERE firm = $1 AND clio_id = $2`, [FIRM, clioId]))[0],
    matters: async (_, { first, after }) => ({
      nodes: await read(
        "page",
        `SELECT ${matterColumns} FROM matters_matter WHERE firm = $1 AND clio_id > $2 ORDER BY clio_id LIMIT $3`,
        [FIRM, after, first],
      ),
    }),
  },
};

async function byId(name, table, columns, ids) {
  const text = `SELECT clio_id AS "clioId", ${columns} FROM ${table} WHERE firm = $1 AND clio_id = ANY($2::bigint[])`;
  const rows = await read(name, text, [FIRM, [...new Set(ids)]]);
  const found = new Map(rows.map((row) => [row.clioId, row]));
  return ids.map((id) => found.get(id) ?? null);
}

const user = (key) => (queries) => byId("users", "users_user", "name, email", queries.map(({ obj }) => obj[key]));

async function activities(queries) {
  const text = `SELECT a.* FROM unnest($2::bigint[]) AS wanted (id) CROSS JOIN LATERAL (
      SELECT clio_id AS "clioId", type, date::text AS date, quantity_in_hours AS "quantityInHours", total, note,
        user_clio_id AS "userId", matter_clio_id AS "matterId"
      FROM activities_activity WHERE firm = $1 AND matter_clio_id = wanted.id ORDER BY clio_id LIMIT $3) AS a`;
  const rows = await read("activities", text, [FIRM, queries.map(({ obj }) => obj.clioId), queries[0].params.first]);
  const found = new Map(queries.map(({ obj }) => [obj.clioId, []]));
  for (const row of rows) found.get(row.matterId).push(row);
  return queries.map(({ obj }) => ({ nodes: found.get(obj.clioId) }));
}

// The loaders' cache would keep rows for one request only, but hashes every object it is given.
const opts = { cache: false };
const loaders = {
  Matter: {
    client: {
      loader: (queries) => byId("contacts", "contacts_contact", "name, type", queries.map(({ obj }) => obj.clientId)),
      opts,
    },
    responsibleAttorney: { loader: user("attorneyId"), opts },
    activities: { loader: activities, opts },
  },
  Activity: { user: { loader: user("userId"), opts } },
};

const app = Fastify({ logger: false });
app.register(mercurius, { schema, resolvers, loaders, jit: 1, graphiql: false });
await app.listen({ port: Number(process.env.PORT), host: "127.0.0.1" });
