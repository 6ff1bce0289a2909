import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { LinkStore } from '../../../fill-planner/link-store/link-store.ts';

const SLOT_MS = 300_000;
const NOW_MS = 1_900_000_200_000;
const FIRST = Math.floor(NOW_MS / SLOT_MS) - 10;

function openStore(file = join(mkdtempSync(join(tmpdir(), 'link-')), 'link.sqlite')): {
  store: LinkStore;
  file: string;
} {
  const store = new LinkStore(file);
  onTestFinished(() => store.close());
  return { store, file };
}

test('samples are given back by slot, what nobody measured as such, and of one slot the last one counts', () => {
  const { store } = openStore();
  store.measure('s', [{ slotStartMs: FIRST * SLOT_MS, bitsPerSec: 5 }], NOW_MS);
  store.measure(
    's',
    [
      { slotStartMs: FIRST * SLOT_MS, bitsPerSec: 7 },
      { slotStartMs: (FIRST + 2) * SLOT_MS, bitsPerSec: 9 },
    ],
    NOW_MS,
  );
  expect([...store.measured('s', FIRST, FIRST + 4)]).toEqual([7, Number.NaN, 9, Number.NaN]);
  expect([...store.measured('other', FIRST, FIRST + 1)]).toEqual([Number.NaN]);
});

test('what was given never shrinks, over restarts, and is forgotten when its period is long over', () => {
  const first = new LinkStore(join(mkdtempSync(join(tmpdir(), 'link-')), 'link.sqlite'));
  first.close();
  const { store, file } = openStore();
  const cap = { sinceMs: NOW_MS, untilMs: NOW_MS + 1000, applianceId: 'a' };
  store.give('s', [{ ...cap, maxBytes: 100 }], NOW_MS);
  store.give('s', [{ ...cap, maxBytes: 60 }], NOW_MS);
  store.close();
  const { store: again } = openStore(file);
  expect(again.given('s', NOW_MS)).toEqual([{ ...cap, maxBytes: 100 }]);
  expect(again.given('s', NOW_MS + 1000)).toEqual([]);
});
