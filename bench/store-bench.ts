import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ProgressLine } from '../src/cli/progress-line.ts';
import { formatTable } from '../src/cli/table.ts';
import { describeMachine } from './machine.ts';
import { loseIndex, makeVolume, type VolumeShape } from './store-volumes.ts';
import { measureBlockSize, measureCommits, measureSyncPolicy } from './store-writes.ts';

/**
 * What bytes at rest cost: a start with a million objects, memory per object and block, a lookup, the rebuild of a lost
 * index, a block by its size, and what it costs to sync. All on the disk under the temporary folder (TMPDIR): its page
 * cache is warm, as after a restart of the process; a cold one adds what the disk takes for the index and the folders.
 */
export interface StoreBenchOptions {
  readonly objects: number;
  readonly seconds: number;
}

const KIBIBYTE = 1024;
const BLOCK_SIZES = [256, 512, 1024, 2048, 4096].map((size) => size * KIBIBYTE);
const BYTES_PER_SIZE = 512 * 2 ** 20;
const WRITERS = 64;

export async function benchStore(options: StoreBenchOptions): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'oca-bench-store-'));
  const progress = new ProgressLine(process.stderr);
  const machine = describeMachine();
  try {
    const starts = await measureStarts(folder, options, progress);
    const sizes = [];
    for (const [index, size] of [...BLOCK_SIZES, BLOCK_SIZES[2] ?? 0].entries()) {
      progress.show(0.7 + index * 0.02, `blocks of ${size / KIBIBYTE} KiB`);
      const dir = join(folder, `size-${index}`);
      sizes.push(await measureBlockSize(dir, size, BYTES_PER_SIZE, { entries: index < BLOCK_SIZES.length }));
      rmSync(dir, { recursive: true });
    }
    progress.show(0.85, `commits of ${WRITERS} writers`);
    const commits = await measureCommits(join(folder, 'commits'), WRITERS, options.seconds * 1000);
    const syncs = [];
    for (const policy of ['none', 'every second', 'every group'] as const) {
      progress.show(0.9, `sync ${policy}`);
      const dir = join(folder, `sync-${policy.replace(' ', '-')}`);
      syncs.push(await measureSyncPolicy(dir, policy, { writers: WRITERS, durationMs: options.seconds * 1000 }));
      rmSync(dir, { recursive: true });
    }
    progress.end();
    report({ options, machine, starts, sizes, commits: [commits], syncs });
  } finally {
    progress.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measureStarts(folder: string, { objects }: StoreBenchOptions, progress: ProgressLine) {
  const cases: readonly { name: string; shape: VolumeShape; loseIndex?: true }[] = [
    { name: 'objects of one block', shape: { objects, blocksPerObject: 1, tails: false } },
    { name: 'objects of four blocks', shape: { objects: objects / 10, blocksPerObject: 4, tails: false } },
    { name: 'as many blocks in twenty', shape: { objects: 20, blocksPerObject: objects / 20, tails: false } },
    { name: 'index lost: rebuilt', shape: { objects: objects / 10, blocksPerObject: 1, tails: true }, loseIndex: true },
  ];
  const results: { case: string; blocks: number; start: Record<string, number> }[] = [];
  for (const [index, one] of cases.entries()) {
    const dir = join(folder, `start-${index}`);
    makeVolume(dir, one.shape, (share) => progress.show(index * 0.15 + share * 0.1, `making a volume: ${one.name}`));
    if (one.loseIndex === true) loseIndex(dir);
    progress.show(index * 0.15 + 0.1, `starting: ${one.name}`);
    const { blocksPerObject, objects: wanted } = one.shape;
    const words = [join(import.meta.dirname, 'store-start-child.ts'), dir, String(blocksPerObject), String(wanted)];
    const { stdout } = await promisify(execFile)(process.execPath, words);
    const start = JSON.parse(stdout) as Record<string, number>;
    results.push({ case: one.name, blocks: one.shape.objects * one.shape.blocksPerObject, start });
    rmSync(dir, { recursive: true });
  }
  return results.map(({ start, ...rest }) => ({ ...rest, ...start }));
}

function report(result: Readonly<Record<string, object>>): void {
  for (const [name, rows] of Object.entries(result)) {
    if (!Array.isArray(rows)) continue;
    const table = rows as readonly Record<string, unknown>[];
    const header = Object.keys(table[0] ?? {});
    process.stdout.write(
      `\n${name}\n${formatTable(
        header,
        table.map((row) => header.map((column) => String(row[column]))),
      )}\n`,
    );
  }
  const results = join(import.meta.dirname, 'results');
  mkdirSync(results, { recursive: true });
  const file = join(results, `store-${new Date().toISOString().slice(0, 10)}.json`);
  writeFileSync(file, `${JSON.stringify({ command: 'npm run bench -- store', ...result }, null, 2)}\n`);
  process.stdout.write(`written to ${file}\n`);
}
