import { Worker } from 'node:worker_threads';
import type { PrefixTableData } from '../build-prefix-table.ts';
import type { ChangeRules } from '../measure-change.ts';
import type { SiteCosts } from '../route-table.ts';

export type TableQuestion =
  | {
      readonly kind: 'prefixes';
      readonly file: string;
      /** The table in use, to be compared with. */
      readonly standing: PrefixTableData<string> | undefined;
      readonly rules: ChangeRules;
    }
  | { readonly kind: 'costs'; readonly file: string };

/** A table, or everything that is wrong with its file, each with its line. */
export type ParsedTable<V> =
  | { readonly kind: 'table'; readonly table: PrefixTableData<V> }
  | { readonly kind: 'broken'; readonly problems: readonly string[] };

/** With why it would be a mass change against the table in use. */
export type ComparedTable<V> = ParsedTable<V> & { readonly because?: string | undefined };

/**
 * Reads a table of prefixes in a thread of its own, which ends with it: players are answered meanwhile, and what
 * reading takes in memory is given back at once. The table itself is moved, not copied.
 * @throws whatever reading the file threw
 */
export function loadTable(question: Extract<TableQuestion, { kind: 'prefixes' }>): Promise<ComparedTable<string>>;
export function loadTable(question: Extract<TableQuestion, { kind: 'costs' }>): Promise<ParsedTable<SiteCosts>>;
export function loadTable(question: TableQuestion): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const thread = new Worker(new URL('./table-thread.ts', import.meta.url), { workerData: question });
    thread.once('message', resolve);
    thread.once('error', reject);
    thread.once('exit', (code) => reject(new Error(`the reader of ${question.file} ended with ${code}`)));
  });
}
