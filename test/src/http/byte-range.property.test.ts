import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ByteRange, RangeSpec } from '../../../src/http/byte-range.ts';
import {
  formatContentRange,
  formatUnsatisfiedRange,
  parseContentRange,
  parseRangeHeader,
  rangeLengthBytes,
  selectRanges,
} from '../../../src/http/byte-range.ts';

const position = fc.oneof(
  fc.bigInt({ min: 0n, max: 3000n }),
  fc.bigInt({ min: 2n ** 53n - 3n, max: 2n ** 53n + 3n }),
  fc.bigInt({ min: 0n, max: 10n ** 30n }),
);
const intRange = fc
  .tuple(position, fc.option(position))
  .map(([first, last]) => ({ text: `${first}-${last ?? ''}`, first, last: last ?? undefined, suffix: undefined }));
const suffixRange = position.map((suffix) => ({ text: `-${suffix}`, first: undefined, last: undefined, suffix }));
const member = fc.oneof(intRange, suffixRange);
const blank = fc.constantFrom('', '', ' ', '\t', ' , ', ',');
const memberSet = fc.array(fc.tuple(blank, member, blank), { minLength: 1, maxLength: 20 });
const sizeBytes = fc.oneof(fc.integer({ min: 0, max: 3000 }), fc.maxSafeNat());
type Member = (typeof member extends fc.Arbitrary<infer T> ? T : never) & {};

function toHeader(members: readonly (readonly [string, Member, string])[]): string {
  return `bytes=${members.map(([before, { text }, after]) => `${before}${text}${after}`).join(',')}`;
}

/** RFC 9110 section 14.1.2 word by word, on exact integers. */
function satisfiedBytes(asked: Member, size: bigint): { first: bigint; last: bigint } | undefined {
  if (asked.suffix !== undefined) {
    if (asked.suffix === 0n || size === 0n) return undefined;
    return { first: asked.suffix > size ? 0n : size - asked.suffix, last: size - 1n };
  }
  if (asked.first === undefined || asked.first >= size) return undefined;
  return { first: asked.first, last: asked.last === undefined || asked.last >= size ? size - 1n : asked.last };
}

function contains(ranges: readonly ByteRange[], first: bigint, last: bigint): boolean {
  return ranges.some((range) => BigInt(range.first) <= first && last <= BigInt(range.last));
}

test('a header is ignored exactly when it has an inverted range or more than sixteen members', () => {
  fc.assert(
    fc.property(memberSet, (members) => {
      const inverted = members.some(([, { first, last }]) => first !== undefined && last !== undefined && first > last);
      expect(parseRangeHeader(toHeader(members)) === 'ignore').toBe(inverted || members.length > 16);
    }),
  );
});

test('an exact integer oracle agrees on what is satisfiable, and every satisfiable byte asked for is sent', () => {
  fc.assert(
    fc.property(memberSet, sizeBytes, (members, size) => {
      const specs = parseRangeHeader(toHeader(members));
      fc.pre(specs !== 'ignore');
      const expected = members.flatMap(([, asked]) => satisfiedBytes(asked, BigInt(size)) ?? []);
      const selection = selectRanges(specs, size);
      if (size === 0) {
        const hasSuffix = members.some(([, { suffix }]) => suffix !== undefined && suffix > 0n);
        expect(selection.kind).toBe(hasSuffix ? 'whole' : 'unsatisfiable');
      } else {
        expect(selection.kind === 'unsatisfiable').toBe(expected.length === 0);
      }
      if (selection.kind !== 'ranges') return;
      for (const { first, last } of expected) expect(contains(selection.ranges, first, last)).toBe(true);
    }),
    { numRuns: 500 },
  );
});

test('selected ranges lie inside the object, at least 80 bytes apart, in the order of their first mention', () => {
  fc.assert(
    fc.property(memberSet, fc.integer({ min: 1, max: 3000 }), (members, size) => {
      const specs = parseRangeHeader(toHeader(members));
      const selection = selectRanges(specs, size);
      if (selection.kind !== 'ranges' || specs === 'ignore') return;
      const { ranges } = selection;
      for (const { first, last } of ranges) {
        expect(Number.isSafeInteger(first) && first >= 0 && first <= last && last < size).toBe(true);
      }
      const ascending = ranges.toSorted((left, right) => left.first - right.first);
      for (const [index, range] of ascending.entries()) {
        const next = ascending[index + 1];
        if (next !== undefined) expect(next.first - range.last - 1).toBeGreaterThanOrEqual(80);
      }
      const firstMention = ranges.map((range) => specs.findIndex((spec) => startsInside(spec, range, size)));
      expect(firstMention).not.toContain(-1);
      expect(firstMention).toEqual(firstMention.toSorted((left, right) => left - right));
    }),
    { numRuns: 500 },
  );
});

test('at most 79 bytes per joined range are sent that nobody asked for, and none twice', () => {
  fc.assert(
    fc.property(memberSet, fc.integer({ min: 1, max: 3000 }), (members, size) => {
      const selection = selectRanges(parseRangeHeader(toHeader(members)), size);
      if (selection.kind !== 'ranges') return;
      const asked = new Set<number>();
      for (const [, spec] of members) {
        const bytes = satisfiedBytes(spec, BigInt(size));
        if (bytes === undefined) continue;
        for (let at = Number(bytes.first); at <= Number(bytes.last); at += 1) asked.add(at);
      }
      const sent = selection.ranges.reduce((sum, range) => sum + rangeLengthBytes(range), 0);
      expect(sent).toBeGreaterThanOrEqual(asked.size);
      expect(sent).toBeLessThanOrEqual(asked.size + 79 * (members.length - 1));
      expect(sent).toBeLessThanOrEqual(size);
    }),
  );
});

test('a Content-Range that was written is read back', () => {
  const range = fc.tuple(fc.maxSafeNat(), fc.maxSafeNat(), fc.boolean()).filter(([, size]) => size > 0);
  fc.assert(
    fc.property(range, fc.maxSafeNat(), ([position_, size, known], other) => {
      const first = Math.min(position_ % size, other % size);
      const last = Math.max(position_ % size, other % size);
      const size_ = known ? size : undefined;
      const text = formatContentRange({ first, last }, size_);
      expect(parseContentRange(text)).toEqual({ kind: 'range', first, last, sizeBytes: size_ });
      expect(parseContentRange(formatUnsatisfiedRange(size))).toEqual({ kind: 'unsatisfied', sizeBytes: size });
    }),
  );
});

test('no text makes a parser throw, and what comes out keeps its promises', () => {
  const alphabet = fc.constantFrom(...'bytes=0129-, \t/*xé'.split(''));
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: alphabet }),
    fc.string({ unit: alphabet }).map((rest) => `bytes=${rest}`),
    fc.string({ unit: alphabet }).map((rest) => `bytes ${rest}`),
  );
  fc.assert(
    fc.property(text, sizeBytes, (value, size) => {
      const specs = parseRangeHeader(value);
      const selection = selectRanges(specs, size);
      if (specs !== 'ignore') expect(specs.length).toBeGreaterThan(0);
      if (selection.kind === 'ranges') expect(selection.ranges.length).toBeGreaterThan(0);
      const contentRange = parseContentRange(value);
      if (contentRange?.kind === 'range') expect(contentRange.first).toBeLessThanOrEqual(contentRange.last);
    }),
    { numRuns: 1000 },
  );
});

function startsInside(spec: RangeSpec, range: ByteRange, size: number): boolean {
  if (spec.kind === 'suffix') {
    const first = Math.max(0, size - spec.lengthBytes);
    return spec.lengthBytes > 0 && range.first <= first && first <= range.last;
  }
  return range.first <= spec.first && spec.first <= range.last;
}
