import { readFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { columnsOf } from '../build-prefix-table.ts';
import { massChange, measureChange } from '../measure-change.ts';
import type { TableQuestion } from './load-table.ts';
import { parseCostMap } from './parse-cost-map.ts';
import { parsePrefixFile } from './parse-prefix-file.ts';

/** The thread of load-table.ts: reads one file, gives back the table, ends. */
const question = workerData as TableQuestion;
const bytes = readFileSync(question.file);
if (question.kind === 'costs') {
  const parsed = parseCostMap(bytes);
  parentPort?.postMessage(parsed, parsed.kind === 'table' ? columnsOf(parsed.table) : []);
} else {
  const parsed = parsePrefixFile(bytes);
  const { standing, rules } = question;
  const because =
    parsed.kind === 'table' && standing !== undefined
      ? massChange(
          measureChange(standing, parsed.table, (siteId) => siteId),
          rules,
        )
      : undefined;
  parentPort?.postMessage({ ...parsed, because }, parsed.kind === 'table' ? columnsOf(parsed.table) : []);
}
