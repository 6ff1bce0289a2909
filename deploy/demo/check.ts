import { type Browser, chromium, type Page } from 'playwright-core';
import { formatTable } from '../../src/cli/table.ts';
import { findSystemCommand } from './ensure-system-packages.ts';
import { judgeStalls, type Standstill, sayStalls } from './judge-stalls.ts';
import { MachineMeter } from './machine-meter.ts';
import type { DemoNetwork } from './network.ts';

/**
 * The proof: a headless browser plays the whole title with hls.js, then with dash.js. Once playback runs, the appliance
 * that steering ranked first is killed with -9. Passed when the video came to its end, at least one segment after the
 * kill came from another appliance, and the picture never stood for want of media; see judge-stalls.ts.
 */
const PLAYERS = ['hls', 'dash'] as const;
type Player = (typeof PLAYERS)[number];

/** The kill comes this far into the video: well started, and most of it still to come. */
const KILL_AT_SEC = 8;
/**
 * On a machine that others use as well a browser may need a while for anything. For so long the playhead may rest before
 * the playing is given up; what rests shorter is judged in the end.
 */
const PATIENCE_MS = 60_000;
const LOOK_EVERY_MS = 250;
/** Small: without a graphics card every pixel costs the processors that the network needs too. */
export const VIEWPORT = { width: 480, height: 640 };
// The browser has nothing to fetch outside this machine; without these flags it tries.
const BROWSER_FLAGS = [
  '--no-sandbox',
  '--autoplay-policy=no-user-gesture-required',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-quic',
  '--no-first-run',
  '--mute-audio',
];

/** What the page records of its playback; see page/. */
export interface PageRecord {
  readonly segments: ReadonlyArray<{ readonly appliance: string; readonly at: number }>;
  /** The times that the picture stood still, on the page's clock, which began at `timeOrigin` of this machine's. */
  readonly standstills: readonly Standstill[];
  readonly timeOrigin: number;
  readonly longestDryMs: number;
  readonly skippedMs: number;
  /** Buffered ahead of the playhead. */
  readonly aheadSec: number;
  readonly shownFrames: number;
  readonly droppedFrames: number;
  readonly currentTime: number;
  readonly duration: number;
  readonly ended: boolean;
}

interface Outcome {
  readonly player: Player;
  readonly killed: string;
  readonly record: PageRecord;
  readonly before: Readonly<Record<string, number>>;
  readonly after: Readonly<Record<string, number>>;
  readonly failures: readonly string[];
}

/** A headless Chromium that plays without a click and asks nobody but this machine. */
export async function launchBrowser(): Promise<Browser> {
  const executablePath = await findSystemCommand('chromium');
  if (executablePath === undefined) throw new Error('no Chromium on this machine');
  return chromium.launch({ executablePath, args: BROWSER_FLAGS });
}

/** Plays, kills, prints. @returns whether every player passed. */
export async function checkDemo(network: DemoNetwork, pageUrl: string): Promise<boolean> {
  await printFill(network);
  const browser = await launchBrowser();
  const machine = new MachineMeter();
  try {
    let passed = true;
    for (const player of PLAYERS) {
      const outcome = await playThrough(network, browser, { pageUrl, player, machine });
      printOutcome(outcome);
      passed &&= outcome.failures.length === 0;
      await network.revive(outcome.killed);
      await network.waitForSteering();
    }
    process.stdout.write(passed ? 'check passed\n' : 'check FAILED\n');
    return passed;
  } finally {
    machine.stop();
    await browser.close();
  }
}

interface Playing {
  readonly pageUrl: string;
  readonly player: Player;
  readonly machine: MachineMeter;
}

async function playThrough(
  network: DemoNetwork,
  browser: Browser,
  { pageUrl, player, machine }: Playing,
): Promise<Outcome> {
  const page = await browser.newPage({ viewport: VIEWPORT });
  try {
    const consoleErrors: string[] = [];
    page.on('pageerror', (error) => consoleErrors.push(error.message));
    await page.goto(`${pageUrl}/?player=${player}`);
    const started = await until(page, ({ currentTime }) => currentTime >= KILL_AT_SEC);
    if (!started)
      return failed(player, await read(page), [
        `did not reach ${KILL_AT_SEC} s of video: it rested for ${PATIENCE_MS / 1000} s`,
        ...consoleErrors,
      ]);
    const played = await read(page);
    // The appliance that serves this session is the one ranked first for it.
    const killed = played.segments.at(-1)?.appliance ?? '';
    process.stderr.write(
      `${player}: killing ${killed} with -9 at ${played.currentTime.toFixed(1)} s of ${played.duration.toFixed(1)} s\n`,
    );
    await network.kill(killed);
    const killedAt = await page.evaluate(() => performance.now());
    await until(page, ({ ended }) => ended);
    const record = await read(page);
    const stalls = judgeStalls(record.standstills, (fromMs, toMs) =>
      machine.idleProcessors(record.timeOrigin + fromMs, record.timeOrigin + toMs),
    );
    return judge({ player, killed, killedAt, record, failures: [...stalls, ...consoleErrors.map(thrown)] });
  } finally {
    await page.close();
  }
}

const thrown = (message: string): string => `the page threw: ${message}`;

interface Played {
  readonly player: Player;
  readonly killed: string;
  readonly killedAt: number;
  readonly record: PageRecord;
  readonly failures: readonly string[];
}

function judge({ player, killed, killedAt, record, failures }: Played): Outcome {
  const before = count(record.segments.filter(({ at }) => at <= killedAt));
  const after = count(record.segments.filter(({ at }) => at > killedAt));
  const others = Object.entries(after).reduce(
    (sum, [id, segments]) => (id === killed || id === 'origin' ? sum : sum + segments),
    0,
  );
  const all = [
    ...(record.ended
      ? []
      : [`the video stopped at ${record.currentTime.toFixed(1)} of ${record.duration.toFixed(1)} s`]),
    ...(others > 0 ? [] : ['no segment came from another appliance after the kill']),
    ...failures,
  ];
  return { player, killed, record, before, after, failures: all };
}

function failed(player: Player, record: PageRecord, failures: readonly string[]): Outcome {
  return {
    player,
    killed: record.segments.at(-1)?.appliance ?? 'oca-north-1',
    record,
    before: count(record.segments),
    after: {},
    failures,
  };
}

const read = (page: Page): Promise<PageRecord> =>
  page.evaluate(() => (globalThis as unknown as { demo: PageRecord }).demo);

type Progress = Pick<PageRecord, 'currentTime' | 'ended'>;

/**
 * Looks seldom and at little: the page has better things to do than to answer.
 * @returns false when the playhead did not move for so long
 */
async function until(page: Page, holds: (progress: Progress) => boolean): Promise<boolean> {
  let playhead = 0;
  let givenUpAt = performance.now() + PATIENCE_MS;
  while (performance.now() < givenUpAt) {
    const progress = await page.evaluate((): Progress => {
      const { currentTime, ended } = (globalThis as unknown as { demo: PageRecord }).demo;
      return { currentTime, ended };
    });
    if (holds(progress)) return true;
    if (progress.currentTime !== playhead) givenUpAt = performance.now() + PATIENCE_MS;
    playhead = progress.currentTime;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
  return false;
}

function count(segments: ReadonlyArray<{ readonly appliance: string }>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { appliance } of segments) counts[appliance] = (counts[appliance] ?? 0) + 1;
  return counts;
}

async function printFill(network: DemoNetwork): Promise<void> {
  const rows = (await network.fillReports()).map((report) => [
    report.applianceId,
    `${report.heldFileCount}/${report.fileCount}`,
    ...(['peer', 'tier', 'origin'] as const).map((kind) => (report.filledBytes[kind] / 1e6).toFixed(2)),
  ]);
  process.stdout.write(
    `filled\n${indent(formatTable(['appliance', 'files', 'MB from peer', 'MB from tier', 'MB from origin'], rows))}\n`,
  );
  const answer = await network.steer();
  process.stdout.write(
    `steered\n${indent(answer.ranked.map(({ id, reasons }, index) => `${index + 1}. ${id}: ${reasons.join(', ')}`).join('\n'))}\n`,
  );
}

function printOutcome({ player, killed, record, before, after, failures }: Outcome): void {
  const ids = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  const rows = ids.map((id) => [
    id === killed ? `${id} (killed)` : id,
    String(before[id] ?? 0),
    String(after[id] ?? 0),
  ]);
  process.stdout.write(
    `${player}.js: played ${record.currentTime.toFixed(1)} of ${record.duration.toFixed(1)} s; ${sayStalls(record.standstills)}; ${record.droppedFrames} of ${record.shownFrames + record.droppedFrames} frames dropped\n`,
  );
  process.stdout.write(`${indent(formatTable(['served by', 'segments before the kill', 'segments after'], rows))}\n`);
  for (const failure of failures) process.stdout.write(`  FAILED: ${failure}\n`);
}

const indent = (text: string): string => text.replaceAll(/^/gm, '  ');
