import { describe, expect, it } from 'vitest';
import { judgeSoak, type SoakEvidence } from './judge-soak.ts';
import type { ProcessSample } from './process-sample.ts';

const sampleOf = (anonymousMib: number, descriptors: Record<string, number> = {}): ProcessSample => ({
  atMs: 0,
  threads: 70,
  rssMib: anonymousMib + 100,
  anonymousMib,
  descriptors: { socket: 10, file: 12, ...descriptors },
});

/** A life in which so much was served, looked at 400 times. */
const lifeOf = (gigabytes: number, mibAt: (gigabytes: number) => number): SoakEvidence['samples'] =>
  Array.from({ length: 400 }, (_, index) => {
    const served = (gigabytes * index) / 399;
    return { sample: sampleOf(mibAt(served)), servedBytes: 5e9 + served * 1e9 };
  });

const judge = (parts: Partial<SoakEvidence>): ReturnType<typeof judgeSoak> =>
  judgeSoak({ wrong: [], atStart: sampleOf(300), atEnd: sampleOf(300), samples: [], ...parts });

/** As buffers of answers in hand come and go: by up to 30 MiB, never the same. */
const inHand = (gigabytes: number): number => 15 * (1 + Math.sin(gigabytes * 47) * Math.cos(gigabytes * 31));
/** Until tables and caches are full. */
const warmUp = (gigabytes: number): number => 340 + 40 * Math.min(1, gigabytes / 3);

describe('whether memory of a soak grows', () => {
  it('does not take a warm-up and buffers that come and go for growth', () => {
    const verdict = judge({ samples: lifeOf(12, (gigabytes) => warmUp(gigabytes) + inHand(gigabytes)) });
    expect(verdict.lines.join('\n')).toContain('memory is flat');
    expect(verdict.isClean).toBe(true);
  });

  it.each([5, 7, 8, 9, 11.5])('does not take one new height for growth, whenever it comes: after %d GB', (atGb) => {
    const samples = lifeOf(12, (gigabytes) => warmUp(gigabytes) + inHand(gigabytes) + (gigabytes < atGb ? 0 : 31));
    expect(judge({ samples }).isClean).toBe(true);
  });

  it.each([
    [8, 12],
    [40, 3],
    [2, 50],
    [1.3, 200],
  ])('finds a leak of %d MiB per GB under what comes and goes, in a life of %d GB', (leak, gigabytesOfLife) => {
    const samples = lifeOf(gigabytesOfLife, (gigabytes) => warmUp(gigabytes) + inHand(gigabytes) + leak * gigabytes);
    const verdict = judge({ samples });
    expect(verdict.lines.join('\n')).toContain('memory GROWS');
    expect(verdict.isClean).toBe(false);
  });

  it('finds a leak that began long after the start', () => {
    const samples = lifeOf(12, (gigabytes) => warmUp(gigabytes) + 12 * Math.max(0, gigabytes - 7));
    expect(judge({ samples }).isClean).toBe(false);
  });

  it('says so when a life was too short to tell', () => {
    const verdict = judge({ samples: lifeOf(1.8, (gigabytes) => warmUp(gigabytes) + 40 * gigabytes) });
    expect(verdict.lines.join('\n')).toContain('memory: not judged, too short (200 of 60 samples over 0.9 of 1 GB');
    expect(verdict.isClean).toBe(true);
  });
});

describe('what else makes a soak unclean', () => {
  it.each([
    ['connections', { socket: 34 }, { socket: 35 }],
    ['files that are gone from their folder', { 'removed file': 24 }, { 'removed file': 25 }],
    ['more files than may rest', { file: 268 }, { file: 269 }],
  ])('descriptors that did not come back: %s', (_what, most, more) => {
    expect(judge({ atEnd: sampleOf(300, most) }).isClean).toBe(true);
    const verdict = judge({ atEnd: sampleOf(300, more) });
    expect(verdict.isClean).toBe(false);
    expect(verdict.lines.join('\n')).toContain('DESCRIPTORS LEAKED');
  });

  it('an answer that was wrong', () => {
    expect(judge({ wrong: ['GET /a: of none'] }).isClean).toBe(false);
  });
});
