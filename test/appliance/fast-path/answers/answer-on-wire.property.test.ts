import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Answer, chooseAnswer } from '../../../../appliance/delivery/choose-answer.ts';
import { describePublished } from '../../../../appliance/delivery/describe-published.ts';
import { ageOf } from '../../../../appliance/delivery/judge-reuse.ts';
import {
  MAX_ANSWER_HEAD_BYTES,
  WireAnswers,
  type WireAnswersOptions,
  type WireMoment,
  type WireQuestion,
} from '../../../../appliance/fast-path/answer-on-wire.ts';
import { formatNodeHead, type WireStatus } from '../../../../appliance/fast-path/answers/node-head.ts';
import { emptyHead } from '../../../../appliance/fast-path/request-head.ts';
import { clientValidators } from '../../../../appliance/fill/origin/read-answer.ts';
import type { PublishedObject } from '../../../../appliance/memory/published.ts';
import type { ObjectDescription } from '../../../../appliance/store/object-description.ts';
import { parseRangeHeader } from '../../../../src/http/byte-range.ts';
import { formatCacheStatus } from '../../../../src/http/cache-status.ts';
import { cmsdDynamic } from '../../../../src/http/cmsd.ts';
import { formatHttpDate } from '../../../../src/http/http-date.ts';

const NOW_MS = Date.UTC(2026, 4, 1, 12, 0, 0, 250);
const ID = 'oca-1';

const description = fc.record({
  key: fc.constant('/film.mp4'),
  sizeBytes: fc.oneof(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 2 ** 40 })),
  etag: fc.constantFrom('"v1"', '"a,b"', '""'),
  headers: fc.constantFrom<Readonly<Record<string, string>>>(
    { 'content-type': 'video/mp4', 'cache-control': 'max-age=60', etag: '"v1"' },
    { date: formatHttpDate(NOW_MS - 7000), 'last-modified': formatHttpDate(NOW_MS - 100_000), 'cmsd-dynamic': '"o"' },
    { 'cache-status': 'tier;hit;ttl=3', 'content-type': 'video/mp4', vary: 'accept-encoding, origin', '7': 'seven' },
    {},
  ),
  confirmedAtMs: fc.integer({ min: NOW_MS - 50_000, max: NOW_MS + 2000 }),
  initialAgeMs: fc.constantFrom(0, 999, 1500),
  freshnessMs: fc.constantFrom(60_000, 60_500, 31_536_000_000),
  staleIfErrorMs: fc.constant(0),
});
const tag = fc.constantFrom(undefined, undefined, undefined, '"v1"', '"a,b"', '"v2"', '""');
const position = fc.oneof(fc.nat(120), fc.maxSafeNat());
const range = fc.oneof(
  fc.constant(undefined),
  fc.tuple(position, fc.oneof(fc.nat(64), fc.maxSafeNat())).map(([first, more]) => {
    return { rangeFirst: first, rangeLast: Math.min(first + more, Number.MAX_SAFE_INTEGER), suffixBytes: 0 };
  }),
  position.map((first) => ({ rangeFirst: first, rangeLast: -1, suffixBytes: 0 })),
  position.map((suffixBytes) => ({ rangeFirst: -1, rangeLast: -1, suffixBytes })),
);
const question = fc
  .record({ isHead: fc.boolean(), range, ifRange: tag, ifNoneMatch: tag, isLast: fc.boolean() })
  .map(({ range: asked, ...rest }): WireQuestion => {
    const asksAnew = false;
    if (asked === undefined) {
      return { ...rest, asksAnew, range: undefined, rangeFirst: -1, rangeLast: -1, suffixBytes: 0 };
    }
    return { ...rest, asksAnew, ...asked, range: rest.isHead ? undefined : textOf(asked) };
  });
const moment = fc.record({
  nowMs: fc.integer({ min: NOW_MS - 3000, max: NOW_MS + 5000 }),
  isDraining: fc.boolean(),
  isFull: fc.boolean(),
});

interface Asked {
  readonly rangeFirst: number;
  readonly rangeLast: number;
  readonly suffixBytes: number;
}

function textOf({ rangeFirst, rangeLast, suffixBytes }: Asked): string {
  if (rangeFirst === -1) return `bytes=-${suffixBytes}`;
  return `bytes=${rangeFirst}-${rangeLast === -1 ? '' : rangeLast}`;
}

/** What the reference engine gives: see send-found.ts, and handle-get.ts for what drains. */
function byReference(
  asked: WireQuestion,
  stored: ObjectDescription,
  { nowMs, isDraining, isFull }: WireMoment,
  { applianceId, hasCmsd }: WireAnswersOptions,
): { readonly head: string; readonly answer: Answer } {
  const ageMs = ageOf(stored, nowMs);
  const ttlSeconds = (stored.freshnessMs - ageMs) / 1000;
  const answer = chooseAnswer({
    method: asked.isHead ? 'HEAD' : 'GET',
    ranges: asked.range === undefined ? 'ignore' : parseRangeHeader(asked.range),
    conditions: {
      ifRange: asked.ifRange,
      ifNoneMatch: asked.ifNoneMatch,
      ifMatch: undefined,
      ifModifiedSince: undefined,
      ifUnmodifiedSince: undefined,
    },
    sizeBytes: stored.sizeBytes,
    headers: stored.headers,
    validators: clientValidators(stored),
    ageMs,
    cacheStatus: formatCacheStatus(applianceId, { kind: 'hit', ttlSeconds }),
    boundary: '',
  });
  const headers: Record<string, string> = { ...answer.headers };
  delete headers['cmsd-dynamic'];
  if (hasCmsd) headers['CMSD-Dynamic'] = cmsdDynamic(undefined, applianceId, isFull);
  const fate = isDraining
    ? ({ kind: 'draining' } as const)
    : asked.isLast
      ? ({ kind: 'last' } as const)
      : ({ kind: 'kept', idleSec: 30 } as const);
  return { head: formatNodeHead(answer.status as WireStatus, headers, fate, formatHttpDate(nowMs)), answer };
}

test.each([true, false])(
  'an answer is the one that chooseAnswer gives, whenever it is asked for (CMSD: %s)',
  (hasCmsd) => {
    const options = { applianceId: ID, hasCmsd, idleTimeoutMs: 30_999 };
    const answers = new WireAnswers(options);
    const into = Buffer.alloc(MAX_ANSWER_HEAD_BYTES + 10);
    let index = 0;
    const seen = new Set<number>();
    fc.assert(
      fc.property(
        description,
        fc.array(fc.tuple(question, moment), { minLength: 1, maxLength: 12 }),
        (stored, asks) => {
          index += 1;
          const published = describePublished(stored, NOW_MS - 3000);
          if (published === undefined) throw new Error('not published');
          const object: PublishedObject = {
            index: index % 3,
            epoch: index,
            contentHigh: 1,
            contentLow: 1,
            description: published,
          };
          for (const [asked, at] of asks) {
            const { head, answer: expected } = byReference(asked, stored, at, options);
            const answer = answers.answer(asked, object, at);
            if (answer.kind === 'over') throw new Error(answer.because);
            const end = answers.writeHead(into, 5);
            expect(into.toString('latin1', 5, end)).toBe(head);
            expect(answer.status).toBe(expected.status);
            const { body } = expected;
            if (body.kind === 'range') expect([answer.first, answer.last]).toEqual([body.range.first, body.range.last]);
            else expect(answer.last).toBeLessThan(answer.first);
            expect(answer.isLast).toBe(asked.isLast || at.isDraining);
            seen.add(answer.status);
          }
        },
      ),
      { numRuns: 600 },
    );
    expect(seen).toEqual(new Set([200, 206, 304, 416]));
  },
);

test('from the moment it is stale an object goes over, as does what comes back from the future', () => {
  const stored: ObjectDescription = {
    key: '/a',
    sizeBytes: 10,
    etag: '"a"',
    headers: {},
    confirmedAtMs: NOW_MS,
    initialAgeMs: 400,
    freshnessMs: 1000,
    staleIfErrorMs: 0,
  };
  const published = describePublished(stored, NOW_MS);
  if (published === undefined) throw new Error('not published');
  const answers = new WireAnswers({ applianceId: ID, hasCmsd: true, idleTimeoutMs: 30_000 });
  const object: PublishedObject = { index: 0, epoch: 1, contentHigh: 1, contentLow: 1, description: published };
  const asked: WireQuestion = {
    isHead: false,
    range: undefined,
    rangeFirst: -1,
    rangeLast: -1,
    suffixBytes: 0,
    ifRange: undefined,
    ifNoneMatch: undefined,
    asksAnew: false,
    isLast: false,
  };
  const at = (nowMs: number) => answers.answer(asked, object, { nowMs, isDraining: false, isFull: false });
  expect(at(NOW_MS + 599).kind).toBe('answer');
  expect(at(NOW_MS + 600)).toEqual({ kind: 'over', because: 'stale' });
});

test.each([
  { named: 'a manifest', manifestRoot: 'a'.repeat(64), kind: 'answer' },
  { named: 'nothing but its origin', kind: 'over' },
])('who asks for it anew gets what is named by $named: $kind', ({ kind, ...named }) => {
  const stored: ObjectDescription = {
    key: '/a',
    sizeBytes: 10,
    etag: '"a"',
    headers: {},
    confirmedAtMs: NOW_MS,
    initialAgeMs: 0,
    freshnessMs: 1000,
    staleIfErrorMs: 0,
    ...('manifestRoot' in named ? { manifestRoot: named.manifestRoot } : {}),
  };
  const description = describePublished(stored, NOW_MS);
  if (description === undefined) throw new Error('not published');
  const answers = new WireAnswers({ applianceId: ID, hasCmsd: true, idleTimeoutMs: 30_000 });
  const asked: WireQuestion = { ...emptyHead(), asksAnew: true };
  const object: PublishedObject = { index: 0, epoch: 1, contentHigh: 1, contentLow: 1, description };
  expect(answers.answer(asked, object, { nowMs: NOW_MS, isDraining: false, isFull: false }).kind).toBe(kind);
});

test('a request that is not admitted gets the 503 of the reference engine', () => {
  const answers = new WireAnswers({ applianceId: ID, hasCmsd: false, idleTimeoutMs: 30_000 });
  const into = Buffer.alloc(2000);
  const end = answers.writeShed(3, { isLast: false }, { nowMs: NOW_MS, isDraining: false, isFull: true }, into, 0);
  const text = into.toString('latin1', 0, end);
  expect(text).toMatch(
    /^HTTP\/1\.1 503 Service Unavailable\r\nContent-Length: 0\r\nAccess-Control-Allow-Origin: \*\r\n/,
  );
  expect(text).toContain('\r\nRetry-After: 3\r\nCMSD-Dynamic: "oca-1";du\r\nDate: ');
  expect(text.endsWith('\r\nConnection: keep-alive\r\nKeep-Alive: timeout=30\r\n\r\n')).toBe(true);
});
