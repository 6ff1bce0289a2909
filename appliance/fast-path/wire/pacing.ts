/**
 * How fast a connection may be sent to, from what its player says of itself (CTA-5004-B). Pure.
 *
 * A server that sends a segment as fast as the line takes it fills the queues of the viewer's access line, where his
 * other traffic then waits and packets are dropped; a server that sends at the bitrate never fills his buffer. In between
 * there is room: three times the top bitrate while the buffer is empty, half as much when it is full, so that start and
 * recovery are quick and the rest of the time is quiet (Spang et al., "Sammy", SIGCOMM 2023). The kernel paces the
 * packets; all that is needed is one number per connection.
 *
 * A player that says how much it could use at most (`rtp`) is taken at its word, but never below what playing needs.
 * Without bitrates nobody knows what enough is, and nothing is paced.
 */
import { readCmcd } from '../../../src/cmcd/read-cmcd.ts';

/** Multiples of the bitrate. */
const AT_EMPTY_BUFFER = 3;
const AT_FULL_BUFFER = 1.5;
const FULL_BUFFER_MS = 30_000;
const BYTES_PER_KBIT = 125;
/** A rate is told to the kernel in steps: a system call for each small change would cost more than it is worth. */
const STEPS_PER_DOUBLING = 4;

/** A report that cannot be read, or names no rate: not paced. SO_MAX_PACING_RATE, where it is the default. */
export const NOT_PACED = 0xffff_ffff;

/** @param cmcd of the request, decoded; undefined where there is none @returns bytes per second, or NOT_PACED */
export function pacingBytesPerSec(cmcd: string | undefined): number {
  if (cmcd === undefined) return NOT_PACED;
  const report = readCmcd(cmcd);
  if (typeof report === 'string') return NOT_PACED;
  const { bitrateKbitPerSec = 0, requestedMaxKbitPerSec = 0, bufferMs, starved, urgent } = report;
  const isEmpty = starved || urgent;
  const fullness = isEmpty ? 0 : Math.min(1, Math.max(0, (bufferMs ?? 0) / FULL_BUFFER_MS));
  const needed = bitrateKbitPerSec * (AT_EMPTY_BUFFER - (AT_EMPTY_BUFFER - AT_FULL_BUFFER) * fullness);
  const wanted = requestedMaxKbitPerSec > 0 ? Math.max(requestedMaxKbitPerSec, bitrateKbitPerSec * AT_FULL_BUFFER) : 0;
  const kbitPerSec = isEmpty ? Math.max(needed, wanted) : wanted > 0 ? wanted : needed;
  if (kbitPerSec <= 0) return NOT_PACED;
  return Math.min(inSteps(kbitPerSec * BYTES_PER_KBIT), NOT_PACED);
}

/** Rounded up to the next step. */
function inSteps(bytesPerSec: number): number {
  return Math.ceil(2 ** (Math.ceil(Math.log2(bytesPerSec) * STEPS_PER_DOUBLING) / STEPS_PER_DOUBLING));
}
