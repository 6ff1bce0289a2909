import type { Database } from '../../src/sqlite/open-database.ts';

/** Drops the content of these roots that neither a file nor a note speaks of any more. Call it inside a transaction. */
export function dropOrphans(database: Database, roots: Iterable<string>): void {
  const drop = database.prepare(
    `DELETE FROM content WHERE root = ? AND NOT EXISTS (SELECT 1 FROM file WHERE file.root = content.root)
     AND NOT EXISTS (SELECT 1 FROM finished_file WHERE finished_file.root = content.root)`,
  );
  for (const root of roots) drop.run(root);
}
