/** The shards that a push has reached, among the settings of the control object's database. */
import type { ShardRegistry } from '../../ports/shard-registry.ts';
import type { SqlDatabase } from '../../ports/sql-database.ts';

const PREFIX = 'shard/';

export function embeddedShardRegistry({ database }: { readonly database: SqlDatabase }): ShardRegistry {
  const rows = database.exec<{ name: string }>(
    "SELECT name FROM settings WHERE name >= 'shard/' AND name < 'shard0' ORDER BY name",
  );
  const names = rows.map(({ name }) => name.slice(PREFIX.length));
  return {
    names: () => names,
    add(name) {
      if (names.includes(name)) return;
      database.exec("INSERT INTO settings VALUES (?, '1') ON CONFLICT DO NOTHING", PREFIX + name);
      names.push(name);
    },
  };
}
