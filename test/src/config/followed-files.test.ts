import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FollowedFiles } from '../../../src/config/followed-files.ts';
import { FakeWorld } from '../../support/fake-world.ts';

const POLL_MS = 1000;
const world = new FakeWorld();
let folder: string;
let file: string;
let reads: string[];
let states: Array<string | undefined>;
let unchanged: number;
let read: () => string;
let files: FollowedFiles;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'oca-followed-'));
  file = join(folder, 'file');
  writeFileSync(file, 'one');
  [reads, states, unchanged] = [[], [], 0];
  read = () => readFileSync(file, 'utf8');
  files = new FollowedFiles({
    files: [file],
    maxBytes: 100,
    pollMs: POLL_MS,
    world,
    onChange: () => void reads.push(read()),
    onState: (problem) => void states.push(problem),
    onUnchanged: () => {
      unchanged += 1;
    },
  });
  await files.start();
  // The first look of the round is on its way then: from here on a look begins when time moves.
  await look();
});
afterEach(async () => {
  await files.stop(1000);
  rmSync(folder, { recursive: true, force: true });
});

/** The next look, which asks the disk. */
async function look(): Promise<void> {
  const before = reads.length + states.length + unchanged;
  await world.clock.advanceUntil(() => reads.length + states.length + unchanged > before);
}

test('a file is read at the start, and again only when it has changed, also by renaming', async () => {
  await look();
  expect(reads).toEqual(['one']);
  writeFileSync(join(folder, 'next'), 'two');
  renameSync(join(folder, 'next'), file);
  await look();
  await look();
  expect(reads).toEqual(['one', 'two']);
  expect(states).toEqual([undefined, undefined]);
});

test('what is wrong in a file is told once and not read again until the file changes', async () => {
  read = () => {
    throw new Error('line 1 is wrong');
  };
  writeFileSync(file, 'wrong');
  await look();
  read = () => 'read again';
  await look();
  expect(states).toEqual([undefined, 'line 1 is wrong']);
  expect(reads).toEqual(['one']);
});

test('what the system refused is told once and tried again at each look', async () => {
  let tries = 0;
  read = () => {
    tries += 1;
    throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE', syscall: 'open' });
  };
  writeFileSync(file, 'three');
  await world.clock.advanceUntil(() => tries === 3);
  expect(states).toEqual([undefined, 'EMFILE: too many open files']);
  read = () => 'three';
  await world.clock.advanceUntil(() => reads.length === 2);
  expect(states.at(-1)).toBeUndefined();
});

test('a file that is gone or too large is not read and told once', async () => {
  rmSync(file);
  await look();
  await look();
  writeFileSync(file, 'x'.repeat(101));
  await look();
  await look();
  expect(reads).toEqual(['one']);
  expect(states).toEqual([
    undefined,
    expect.stringContaining('ENOENT'),
    expect.stringContaining('larger than 100 bytes'),
  ]);
});
