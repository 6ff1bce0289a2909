import { readFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { parsePrefixFile } from './parse-prefix-file.ts';

/** The thread of load-prefix-file.ts: reads one file, gives back the table, ends. */
const parsed = parsePrefixFile(readFileSync(workerData as string));
const columns =
  parsed.kind === 'broken'
    ? []
    : [parsed.table.ipv4, parsed.table.ipv6].flatMap(({ starts, sites, lengths }) => [starts, sites, lengths]);
parentPort?.postMessage(
  parsed,
  columns.map(({ buffer }) => buffer as ArrayBuffer),
);
