/** The empty database that a lab runs on: that of the host of the tests. */
import type { SqlDatabase } from '../../src/ports/sql-database.ts';

export const labDatabase: { open: () => Promise<SqlDatabase> } = {
  async open() {
    // Imported when it is asked for: workerd has no node:sqlite, and puts its own database here (test/workers).
    const { nodeSqlDatabase } = await import('../../src/adapters/node/sql-database.ts');
    return nodeSqlDatabase(':memory:');
  },
};
