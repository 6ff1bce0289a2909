import { describe, expect, it } from 'vitest';
import type { WireView } from '../../../../appliance/fast-path/messages.ts';
import { type EndedAnswer, OutcomeLedger } from '../../../../appliance/fast-path/wire/outcome-ledger.ts';
import { FIRST_BYTE_BUCKETS_SEC } from '../../../../appliance/metrics.ts';

const ended = (more: Partial<EndedAnswer> = {}): EndedAnswer => ({
  key: '/a?b',
  path: '/a',
  bytes: 100,
  blocks: 1,
  firstByteMs: 0.2,
  tokenOutcome: undefined,
  abandoned: undefined,
  ...more,
});
const viewOf = (target: string): WireView => ({
  address: '192.0.2.1',
  target,
  headers: {},
  bytes: 1,
  durationMs: 1,
  ending: 'whole',
});

describe('the ledger of a wire thread', () => {
  it('adds up by object, reason and token, and begins anew when it has told', () => {
    const ledger = new OutcomeLedger(1);
    expect(ledger.isEmpty).toBe(true);
    ledger.answered(ended());
    ledger.answered(ended({ bytes: 50, blocks: 2, tokenOutcome: 'open' }));
    ledger.answered(
      ended({ key: '/c', path: '/c', bytes: 0, blocks: 0, abandoned: 'client-left', tokenOutcome: 'open' }),
    );
    ledger.abandoned('client-left');
    ledger.refused('head-timeout');
    ledger.shed();
    expect(ledger.isEmpty).toBe(false);
    expect(ledger.take()).toMatchObject({
      objects: [
        { key: '/a?b', path: '/a', requests: 2, bytes: 150, blocksServed: 3 },
        { key: '/c', path: '/c', requests: 1, bytes: 0, blocksServed: 0 },
      ],
      refused: { 'head-timeout': 1 },
      abandoned: { 'client-left': 2 },
      tokens: { open: 2 },
      shed: 1,
      views: [],
      viewsLeftOut: 0,
    });
    expect(ledger.isEmpty).toBe(true);
    expect(ledger.take()).toMatchObject({ objects: [], refused: {}, abandoned: {}, tokens: {}, shed: 0 });
  });

  it("puts times into the reference engine's buckets, the bound itself into the one below it", () => {
    const ledger = new OutcomeLedger(1);
    const times = [0, 1, 1.01, 2.5, 9999, 10_000, 10_001, 1e9];
    for (const firstByteMs of times) ledger.answered(ended({ firstByteMs }));
    const { firstByteMs, firstByteSumMs } = ledger.take();
    expect(firstByteMs).toHaveLength(FIRST_BYTE_BUCKETS_SEC.length + 1);
    expect(firstByteMs).toEqual([2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2]);
    expect(firstByteSumMs).toBe(times.reduce((sum, time) => sum + time, 0));
  });

  it('keeps a fair sample of views, and says how many it left out', () => {
    const ledger = new OutcomeLedger(7);
    const total = 20_000;
    for (let at = 0; at < total; at += 1) if (ledger.wantsView()) ledger.view(viewOf(String(at)));
    const { views, viewsLeftOut } = ledger.take();
    expect(views.length + viewsLeftOut).toBe(total);
    expect(views.length).toBeLessThanOrEqual(512);
    // Evenly spread: of each quarter about a quarter, give or take six standard deviations.
    for (let quarter = 0; quarter < 4; quarter += 1) {
      const ofQuarter = views.filter(({ target }) => Math.floor((4 * Number(target)) / total) === quarter).length;
      expect(ofQuarter).toBeGreaterThan(128 - 60);
      expect(ofQuarter).toBeLessThan(128 + 60);
    }
  });

  it('is full before it grows without end', () => {
    const ledger = new OutcomeLedger(1);
    for (let at = 0; !ledger.isFull; at += 1) {
      ledger.answered(ended({ key: `/${at}` }));
      expect(at).toBeLessThan(100_000);
    }
    ledger.take();
    expect(ledger.isFull).toBe(false);
  });
});
