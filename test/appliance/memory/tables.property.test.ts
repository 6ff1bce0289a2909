import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HintTable, hintTableBytes, NO_HINT, NOT_THIS } from '../../../appliance/memory/tables/hint-table.ts';
import { BoardReader, BoardWriter, textOf } from '../../../appliance/memory/tables/object-board.ts';
import { Turns, turnsBytes } from '../../../appliance/memory/tables/turns.ts';
import { publishedOf } from './arena-rig.ts';

const MAX_ENTRIES = 12;

function hintsOf(table: HintTable, hash: number): number[] {
  const found: number[] = [];
  for (let probe = 0; ; probe += 1) {
    const value = table.at(hash, probe);
    if (value === NO_HINT) return found.sort((a, b) => a - b);
    if (value !== NOT_THIS) found.push(value);
  }
}

describe('the table of hints', () => {
  it('finds what was added and not removed, whatever met in it', () => {
    // Few hashes, at both ends of the table and of the numbers, so that they crowd and wrap around.
    const hash = fc.constantFrom(0, 1, 2, 30, 31, 62, 63, -1, -2, 2 ** 32 - 1);
    const step = fc.record({ hash, value: fc.nat(40), adds: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const table = new HintTable(new SharedArrayBuffer(hintTableBytes(MAX_ENTRIES)), 0, MAX_ENTRIES);
        const model: { hash: number; value: number }[] = [];
        for (const { adds, hash: at, value } of steps) {
          const index = model.findIndex((entry) => entry.hash === (at | 0) && entry.value === value);
          if (index !== -1 && !adds) {
            table.remove(at, value);
            model.splice(index, 1);
          } else if (index === -1 && adds && model.length < MAX_ENTRIES) {
            table.add(at, value);
            model.push({ hash: at | 0, value });
          }
          for (const asked of new Set(steps.map((each) => each.hash | 0))) {
            const expected = model.filter((entry) => entry.hash === asked).map((entry) => entry.value);
            expect(hintsOf(table, asked)).toEqual(expected.sort((a, b) => a - b));
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  it('ends a search also when what it reads makes no sense', () => {
    const buffer = new SharedArrayBuffer(hintTableBytes(MAX_ENTRIES));
    new Int32Array(buffer).fill(-5);
    expect(hintsOf(new HintTable(buffer, 0, MAX_ENTRIES), 3)).toEqual([]);
  });
});

describe('the board', () => {
  it('shows what was shown last under each key, as far as there is room, and nothing that was taken back', () => {
    const keys = ['/a', '/b', '/ktmaeo22', '/1sedd8w81', '/e', '/ü'];
    const step = fc.record({
      key: fc.constantFrom(...keys),
      shows: fc.boolean(),
      finds: fc.constantFrom(...keys),
      padding: fc.nat(3000),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const gone: string[] = [];
        const writer = new BoardWriter<string>({ readerCount: 1, maxObjects: 4 }, 5, (key) => gone.push(key));
        const reader = new BoardReader(writer.buffer, 1);
        const model = new Map<string, { record: number; etag: string; low: number }>();
        for (const [low, { key, shows, finds, padding }] of steps.entries()) {
          const before = model.get(key);
          if (before !== undefined) writer.withdraw(before.record);
          model.delete(key);
          const etag = `"${'é'.repeat(padding)}"`;
          const record = shows ? writer.show(key, { high: 1, low }, textOf(publishedOf(key, { etag }))) : undefined;
          for (const left of gone.splice(0)) model.delete(left);
          if (record !== undefined) model.set(key, { record, etag, low });
          expect(writer.shownCount).toBe(model.size);
          const found = reader.read(finds);
          expect(found?.description.etag).toBe(model.get(finds)?.etag);
          expect(found?.contentLow).toBe(model.get(finds)?.low);
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe('turns', () => {
  it('tell who was inside, and whether it still is the same turn', () => {
    const turns = new Turns(new SharedArrayBuffer(turnsBytes(3)), 0, 3);
    turns.step(0);
    turns.step(2);
    turns.step(2);
    const inside = turns.inside();
    expect([...inside.keys()]).toEqual([0]);
    const turn = inside.get(0) ?? 0;
    expect(turns.isIn(0, turn)).toBe(true);
    turns.step(0);
    turns.step(0);
    expect(turns.isIn(0, turn)).toBe(false);
    turns.end(0);
    expect(turns.inside().size).toBe(0);
  });
});
