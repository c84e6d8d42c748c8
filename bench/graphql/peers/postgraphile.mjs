// PostGraphile 5 on the mirror tables: production settings, a pool of 8, no page for people, no logging.
import { createServer } from "node:http";

import { postgraphile } from "postgraphile";
import { makePgService } from "postgraphile/adaptors/pg";
import { grafserv } from "postgraphile/grafserv/node";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { jsonPgSmartTags } from "postgraphile/utils";

// The mirror has no foreign keys, for a parent may arrive after its children; here the server is told of them.
const relation = (column, table, fieldName, foreignFieldName) =>
  `(firm, ${column}) references ${table} (firm, clio_id)|@fieldName ${fieldName}|@foreignFieldName ${foreignFieldName}`;

const tags = {
  version: 1,
  config: {
    class: {
      users_user: { tags: { name: "users" } },
      contacts_contact: { tags: { name: "contacts" } },
      matters_matter: {
        tags: {
          name: "matters",
          foreignKey: [
            relation("client_clio_id", "contacts_contact", "client", "matters"),
            relation("responsible_attorney_clio_id", "users_user", "responsibleAttorney", "responsibleMatters"),
          ],
        },
      },
      activities_activity: {
        tags: {
          name: "activities",
          foreignKey: [
            relation("matter_clio_id", "matters_matter", "matter", "activities"),
            relation("user_clio_id", "users_user", "user", "activities"),
          ],
        },
      },
    },
  },
};

const preset = {
  extends: [PostGraphileAmberPreset],
  plugins: [jsonPgSmartTags(tags)],
  pgServices: [
    makePgService({ connectionString: process.env.DATABASE_URL, schemas: ["public"], poolConfig: { max: 8, min: 8 } }),
  ],
  grafserv: { port: Number(process.env.PORT), graphiql: false, watch: false },
  grafast: { explain: false },
};

const server = createServer();
await postgraphile(preset).createServ(grafserv).addTo(server);
server.listen(Number(process.env.PORT), "127.0.0.1");
