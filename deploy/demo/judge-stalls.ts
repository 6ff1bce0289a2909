/**
 * Whether a playback stood still in a way that somebody has to answer for; which times the page's meter tells apart in
 * page/stall-meter.js.
 *
 * With nothing to play the delivery failed the viewer, whatever the machine: not once for longer than a second, and not
 * at all where processors were idle meanwhile. With media at hand the browser was too slow, which a browser without a
 * graphics card on busy processors is; that is only told. It fails where it cannot be the machine: when a processor was
 * idle all the while and the page's timers came in time, or when it lasted so long that a player must be stuck.
 *
 * Measured with the page as it is: a browser needs a fifth of a processor for it. With two processors to itself it never
 * stood; beside ten busy processes it stood for 0.2 to 0.4 s at a time, its timers late by more than that.
 */
export interface Standstill {
  /** When it began, on the page's clock. */
  readonly at: number;
  readonly dryMs: number;
  readonly heldMs: number;
  readonly aheadSec: number;
  /** By how much the page's own timer was late meanwhile. */
  readonly lateMs: number;
}

/** Processors that had nothing to do, on average between two times of the page's clock. */
export type IdleProcessors = (fromMs: number, toMs: number) => number;

const LONGEST_MS = 1000;
const LONGEST_HELD_MS = 5000;
/** A browser draws with several threads: with less than one processor free some of them wait. */
const FREE_PROCESSORS = 1;
/** Of a standstill in which nothing kept the page from its timers. */
const LATE_SHARE = 0.25;

/** @returns what is wrong, in words; nothing when all is well */
export function judgeStalls(standstills: readonly Standstill[], idleProcessors: IdleProcessors): string[] {
  return standstills.flatMap((standstill) => {
    const { at, dryMs, heldMs, aheadSec, lateMs } = standstill;
    const idle = idleProcessors(at, at + dryMs + heldMs);
    const hadTime = idle >= FREE_PROCESSORS && lateMs <= (dryMs + heldMs) * LATE_SHARE;
    const machine = `with ${idle.toFixed(1)} processors idle and timers ${Math.round(lateMs)} ms late`;
    if (dryMs > LONGEST_MS || (dryMs > 0 && hadTime)) return [`nothing to play for ${Math.round(dryMs)} ms ${machine}`];
    if (heldMs > LONGEST_HELD_MS || (heldMs > LONGEST_MS && hadTime))
      return [`stood still for ${Math.round(heldMs)} ms with ${aheadSec.toFixed(1)} s at hand, ${machine}`];
    return [];
  });
}

/** One line: what stood still and why. */
export function sayStalls(standstills: readonly Standstill[]): string {
  const dry = standstills.filter(({ dryMs }) => dryMs > 0);
  const held = standstills.filter(({ dryMs }) => dryMs === 0);
  const longest = (times: readonly number[]): string =>
    times.length === 0 ? '' : `, longest ${Math.round(Math.max(...times))} ms`;
  return [
    `${dry.length} stalls for want of media${longest(dry.map(({ dryMs }) => dryMs))}`,
    `${held.length} because the browser was too slow${longest(held.map(({ heldMs }) => heldMs))}`,
  ].join('; ');
}
