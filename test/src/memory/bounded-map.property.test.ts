import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BoundedMap } from '../../../src/memory/bounded-map.ts';

/** The slow and simple: an array, the entry set last at its end. */
class ListedMap {
  readonly entries: Array<[number, number]> = [];
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  delete(key: number): void {
    const at = this.entries.findIndex(([known]) => known === key);
    if (at >= 0) this.entries.splice(at, 1);
  }

  set(key: number, value: number): void {
    this.delete(key);
    this.entries.push([key, value]);
    if (this.entries.length > this.#max) this.entries.shift();
  }

  use(key: number): number | undefined {
    const value = this.entries.find(([known]) => known === key)?.[1];
    if (value !== undefined) this.set(key, value);
    return value;
  }
}

const steps = fc.array(
  fc.record({
    // Setting most of the time, so that it is full most of the time.
    what: fc.constantFrom('set', 'set', 'set', 'set', 'use', 'get', 'delete', 'clear' as const),
    key: fc.nat(40),
  }),
  { maxLength: 400 },
);

test('a bounded map holds, in order, what a list of the entries set last would hold', () => {
  fc.assert(
    fc.property(fc.nat(12), steps, (max, taken) => {
      const map = new BoundedMap<number, number>(max);
      const list = new ListedMap(max);
      for (const [value, { what, key }] of taken.entries()) {
        if (what === 'set') for (const one of [map, list]) one.set(key, value);
        if (what === 'delete') for (const one of [map, list]) one.delete(key);
        if (what === 'use') expect(map.use(key)).toBe(list.use(key));
        if (what === 'get') expect(map.get(key)).toBe(list.entries.find(([known]) => known === key)?.[1]);
        if (what === 'clear') {
          map.clear();
          list.entries.length = 0;
        }
        expect([...map]).toEqual(list.entries);
        expect(map.size).toBe(list.entries.length);
      }
    }),
  );
});
