import { Worker } from 'node:worker_threads';
import type { ParsedPrefixFile } from './parse-prefix-file.ts';

/**
 * Reads a table of prefixes in a thread of its own, which ends with it: players are answered meanwhile, and what
 * reading takes in memory is given back at once. The table itself is moved, not copied.
 * @throws whatever reading the file threw
 */
export function loadPrefixFile(file: string): Promise<ParsedPrefixFile> {
  return new Promise((resolve, reject) => {
    const thread = new Worker(new URL('./prefix-file-thread.ts', import.meta.url), { workerData: file });
    thread.once('message', resolve);
    thread.once('error', reject);
    thread.once('exit', (code) => reject(new Error(`the reader of ${file} ended with ${code}`)));
  });
}
