import { z } from 'zod';
import { wrapWords } from './plan/wrap-words.ts';
import { formatBitRate, formatBytes, formatTime } from './quantity.ts';

const windowSchema = z.object({
  startsAtMs: z.number(),
  endsAtMs: z.number(),
  fillBitsPerSec: z.number(),
  peerBitsPerSec: z.number().optional(),
});
const bytesSchema = z.object({ peer: z.number(), tier: z.number(), origin: z.number() });

/** As `GET /v1/fill` of an appliance answers, as far as it is shown. */
export const fillStatusSchema = z.object({
  applianceId: z.string(),
  state: z.enum(['waiting', 'filling', 'complete', 'blocked']),
  nowMs: z.number(),
  plan: z.object({ planVersion: z.number(), createdAtMs: z.number() }).optional(),
  order: z.object({ kind: z.enum(['pause', 'now']), untilMs: z.number() }).optional(),
  window: windowSchema.optional(),
  nextWindow: windowSchema.optional(),
  isBeyondPlan: z.boolean(),
  fileCount: z.number(),
  heldFileCount: z.number(),
  planBytes: z.number(),
  heldBytes: z.number(),
  valueShare: z.number(),
  filledBytes: bytesSchema,
  bytesPerSec: z.number().optional(),
  bulkShare: z.number(),
  manifestsMissing: z.number(),
  linkLeftBytes: z.number().optional(),
  forecast: z
    .object({
      endsAtMs: z.number().optional(),
      window: z.object({ endsAtMs: z.number(), bytes: z.number() }).optional(),
      isMeasured: z.boolean(),
      valueShareAtEnd: z.number().optional(),
    })
    .optional(),
  failures: z.array(z.object({ path: z.string(), code: z.string(), detail: z.string() })),
  bannedSources: z.array(z.object({ id: z.string(), untilMs: z.number(), bans: z.number() })),
});
export type FillStatus = z.infer<typeof fillStatusSchema>;

const MOST_CELLS = 40;
const TOLD_FAILURES = 3;

/** The status in words, ending in a line end. @param columns of the terminal, for the bar; undefined for none */
export function describeFill(status: FillStatus, columns: number | undefined): string {
  const { applianceId, order, plan, state } = status;
  if (plan === undefined)
    return `${applianceId}: no plan yet: is the planner reachable, and is this appliance in its fleet?\n`;
  if (status.fileCount === 0)
    return (
      `${applianceId}: plan ${plan.planVersion} of ${formatTime(plan.createdAtMs)} holds nothing\n` +
      "'oca plan run' on the planner says why; viewers are served through the cache\n"
    );
  return [
    `${applianceId}: ${order?.kind === 'pause' && state === 'waiting' ? 'paused' : STATES[state]}, plan ${plan.planVersion} of ${formatTime(plan.createdAtMs)}`,
    progressOf(status, columns),
    rateOf(status),
    fetchedOf(status),
    windowOf(status),
    endOf(status),
    ...troubleOf(status),
  ]
    .flatMap((text) => (text === '' ? [] : text.split('\n')))
    .map((line) => `${wrapped(line, columns)}\n`)
    .join('');
}

const LABEL_CHARS = 9;

/** Below its label; the bar fits as it is. */
function wrapped(line: string, columns: number | undefined): string {
  if (columns === undefined || line.startsWith('[')) return line;
  const text = wrapWords(line.slice(LABEL_CHARS), columns - LABEL_CHARS, ' '.repeat(LABEL_CHARS));
  return `${line.slice(0, LABEL_CHARS)}${text}`;
}

/** What moves, for the line of a bar that tells the share itself: at most 48 characters where names are short. */
export function describeMotion(status: FillStatus): string {
  const { state, order, heldBytes, planBytes, bytesPerSec, window, nextWindow, forecast, nowMs } = status;
  const held = `${formatBytes(heldBytes)} of ${formatBytes(planBytes)}`;
  if (order?.kind === 'pause') return `${held}, paused, ends ${inTime(order.untilMs, nowMs)}`;
  if (state === 'blocked') return `${held}, blocked: no source gives it`;
  if (window === undefined)
    return `${held}, ${nextWindow === undefined ? 'no window to come' : `window opens ${inTime(nextWindow.startsAtMs, nowMs)}`}`;
  const rate = bytesPerSec === undefined ? '' : `, ${formatBitRate(bytesPerSec * 8)}`;
  const first = forecast?.window;
  if (forecast === undefined || first === undefined) return `${held}${rate}`;
  const { endsAtMs } = forecast;
  const isInWindow = endsAtMs !== undefined && endsAtMs <= first.endsAtMs;
  const share = planBytes === 0 ? 1 : (heldBytes + first.bytes) / planBytes;
  return `${held}${rate}, ${isInWindow ? `done ${inTime(endsAtMs, nowMs)}` : `${percent(share)} in this window`}`;
}

const STATES: Readonly<Record<FillStatus['state'], string>> = {
  waiting: 'waiting for its window',
  filling: 'filling',
  complete: 'complete: all of the plan is here',
  blocked: 'blocked: no source gives what is missing',
};

function progressOf(status: FillStatus, columns: number | undefined): string {
  const { heldBytes, planBytes, heldFileCount, fileCount, valueShare } = status;
  const share = planBytes === 0 ? 1 : heldBytes / planBytes;
  const parts = [
    `${formatBytes(heldBytes)} of ${formatBytes(planBytes)}`,
    `${heldFileCount} of ${fileCount} files`,
    `${percent(valueShare)} of the value`,
  ];
  const text = `${percent(share)}  ${parts.join(', ')}`;
  const cells = Math.max(10, Math.min(MOST_CELLS, (columns ?? 0) - text.length - '[] '.length));
  // Never full before the last byte is here.
  const filled = share >= 1 ? cells : Math.floor(share * cells);
  return `[${'#'.repeat(filled)}${'.'.repeat(cells - filled)}] ${text}`;
}

function rateOf({ state, bytesPerSec, window, bulkShare }: FillStatus): string {
  if (state !== 'filling' || bytesPerSec === undefined || window === undefined) return '';
  const peers = window.peerBitsPerSec === undefined ? '' : `, from peers ${formatBitRate(window.peerBitsPerSec)} more`;
  const share = bulkShare < 1 ? `; viewers leave it ${percent(bulkShare)} of that` : '';
  return `rate     ${formatBitRate(bytesPerSec * 8)} of late; allowed ${formatBitRate(window.fillBitsPerSec)}${peers}${share}`;
}

function fetchedOf({ filledBytes }: FillStatus): string {
  const from = (['peer', 'tier', 'origin'] as const)
    .filter((kind) => filledBytes[kind] > 0)
    .map((kind) => `${formatBytes(filledBytes[kind])} from ${SOURCES[kind]}`);
  return from.length === 0 ? '' : `fetched  ${from.join(', ')}`;
}

const SOURCES = { peer: 'peers', tier: 'other sites', origin: 'the origin' } as const;

function windowOf({ order, window, nextWindow, nowMs, isBeyondPlan, state }: FillStatus): string {
  if (order?.kind === 'pause') {
    return `window   paused by the operator until ${when(order.untilMs, nowMs)}; 'oca fill resume' ends that`;
  }
  const byHand = order?.kind === 'now' && window?.endsAtMs === order.untilMs ? ', opened by the operator' : '';
  const beyond = isBeyondPlan ? ' (beyond the plan: no new one came)' : '';
  if (window !== undefined) return `window   open until ${when(window.endsAtMs, nowMs)}${byHand}${beyond}`;
  if (nextWindow !== undefined) {
    return `window   opens ${when(nextWindow.startsAtMs, nowMs)}, at ${formatBitRate(nextWindow.fillBitsPerSec)}${beyond}`;
  }
  return state === 'complete' ? '' : "window   none to come: a new plan is needed, or 'oca fill now'";
}

/** When it ends; and where the window does not bring it to an end, what will be there then. */
function endOf({ forecast, state, nowMs, planBytes, heldBytes, window }: FillStatus): string {
  if (state === 'complete' || forecast === undefined) return '';
  const { endsAtMs, isMeasured, valueShareAtEnd } = forecast;
  const basis = isMeasured ? 'at the rate measured' : 'at the rate of the window, if nothing slows it';
  const first = forecast.window;
  if (first === undefined) return 'end      not in sight';
  if (endsAtMs !== undefined && endsAtMs <= first.endsAtMs) return `end      ${when(endsAtMs, nowMs)}, ${basis}`;
  const share = planBytes === 0 ? 1 : (heldBytes + first.bytes) / planBytes;
  const which = window === undefined ? 'the next window' : 'this window';
  const later = endsAtMs === undefined ? 'not in any window that is known' : `${when(endsAtMs, nowMs)}`;
  const value = valueShareAtEnd === undefined ? '' : ` and ${percent(valueShareAtEnd)} of the value`;
  return (
    `end      NOT in ${which}: ${percent(share)} of the bytes${value} will be here at ${formatTime(first.endsAtMs)}, ${basis}\n` +
    `         all of it: ${later}`
  );
}

function troubleOf(status: FillStatus): string[] {
  const { bannedSources, failures, linkLeftBytes, manifestsMissing, state, nowMs } = status;
  const lines: string[] = [];
  for (const { id, untilMs, bans } of bannedSources) {
    const times = bans === 1 ? '' : `, ${bans} times by now`;
    lines.push(
      `banned   ${id} gave wrong bytes${times}; it is not asked until ${when(untilMs, nowMs)}: look at that machine`,
    );
  }
  if (linkLeftBytes !== undefined)
    lines.push(`cap      ${formatBytes(Math.max(0, linkLeftBytes))} are left for the site's link`);
  if (manifestsMissing > 0)
    lines.push(`missing  ${manifestsMissing} manifests are not here yet: their files cannot be checked`);
  if (state === 'filling' || state === 'blocked') {
    // That a peer lacks what it fills itself is how a fill goes; it is trouble only when nothing else is left.
    const told = failures.filter(({ code }) => code !== 'SOURCE_LACKS' || state === 'blocked');
    for (const { path, code, detail } of told.slice(0, TOLD_FAILURES))
      lines.push(`failed   ${path}: ${code} ${detail}`);
    if (told.length > TOLD_FAILURES) lines.push(`         and ${told.length - TOLD_FAILURES} more`);
  }
  return lines;
}

/** 100 only for all of it. */
const percent = (share: number): string => `${share >= 1 ? 100 : Math.min(99, Math.floor(share * 100))} %`;

/** `2027-03-28 02:30Z, in 1 h 20 min` */
const when = (ms: number, nowMs: number): string => `${formatTime(ms)}, ${inTime(ms, nowMs)}`;

function inTime(ms: number, nowMs: number): string {
  const minutes = Math.round((ms - nowMs) / 60_000);
  if (minutes < 1) return 'within a minute';
  if (minutes < 60) return `in ${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `in ${hours} h ${minutes % 60} min` : `in ${Math.round(hours / 24)} days`;
}
