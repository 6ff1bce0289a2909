import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isOperational } from '../../../src/errors/operational-error.ts';
import { silentLogger } from '../../../src/telemetry/logger.ts';
import { FleetStore } from '../../../steering/fleet/fleet-store.ts';
import { heartbeat, NOW_MS } from '../samples.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'oca-kept-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const open = (): FleetStore => new FleetStore(join(folder, 'fleet.sqlite'), silentLogger);

function fill(): void {
  const store = open();
  for (let index = 0; index < 200; index += 1) store.note(heartbeat(`a${index}`), NOW_MS);
  store.flush();
  store.close();
}

test('what was noted and written is there again', () => {
  fill();
  const store = open();
  expect(store.load()).toHaveLength(200);
  expect(store.load()[0]).toEqual({ heartbeat: heartbeat('a0'), heardAtMs: NOW_MS });
  store.close();
});

test.each([
  ['is no database at all', () => Buffer.from('once upon a time '.repeat(1000))],
  [
    'has a page overwritten',
    (file: string) => {
      const bytes = readFileSync(file);
      return bytes.fill(0xa5, 4096, 12_288);
    },
  ],
  ['was cut short', (file: string) => readFileSync(file).subarray(0, 10_000)],
])('a file that %s is put aside and begun anew', (_what, damage) => {
  fill();
  const file = join(folder, 'fleet.sqlite');
  writeFileSync(file, damage(file));
  const store = open();
  expect(store.load()).toEqual([]);
  store.note(heartbeat('a'), NOW_MS);
  store.flush();
  expect(store.load()).toHaveLength(1);
  store.close();
  expect(existsSync(`${file}.damaged`)).toBe(true);
});

test('a row that another version wrote is left out', () => {
  const store = open();
  store.note({ ...heartbeat('a'), state: 'asleep' as 'serving' }, NOW_MS);
  store.note(heartbeat('b'), NOW_MS);
  store.flush();
  expect(store.load().map((row) => row.heartbeat.applianceId)).toEqual(['b']);
  store.close();
});

test('a second service on the same folder is told so', () => {
  const store = open();
  let failure: unknown;
  try {
    open();
  } catch (error) {
    failure = error;
  }
  expect(isOperational(failure, 'STATE_IN_USE')).toBe(true);
  store.close();
});

test('of a large fleet a flush writes no more than it may, and everybody has his turn however often others are heard', () => {
  const store = open();
  const noteAll = (sequence: number): void => {
    for (let index = 0; index < 40; index += 1) store.note(heartbeat(`a${index}`, { sequence }), NOW_MS);
  };
  const oneChars = JSON.stringify(heartbeat('a0')).length;
  noteAll(1);
  store.flush(oneChars * 8);
  const first = store.load().map((row) => row.heartbeat.applianceId);
  expect(first.length).toBeLessThanOrEqual(8);
  for (let turn = 2; turn < 8; turn += 1) {
    noteAll(turn);
    store.flush(oneChars * 8);
  }
  expect(store.load()).toHaveLength(40);
  store.close();
});
