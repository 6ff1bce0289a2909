import { type Browser, chromium, type Page } from 'playwright-core';
import { formatTable } from '../../src/cli/table.ts';
import { findSystemCommand } from './ensure-system-packages.ts';
import type { DemoNetwork } from './network.ts';

/**
 * The proof: a headless browser plays the whole title with hls.js, then with dash.js. Once playback runs, the appliance
 * that steering ranked first is killed with -9. Passed when the video came to its end, at least one segment after the
 * kill came from another appliance, and no stall lasted over a second.
 */
const PLAYERS = ['hls', 'dash'] as const;
type Player = (typeof PLAYERS)[number];

const STALL_LIMIT_MS = 1000;
/** The kill comes this far into the video: well started, and most of it still to come. */
const KILL_AT_SEC = 8;
const START_DEADLINE_MS = 30_000;
/** How much longer than the video itself the playing may take before it is given up. */
const SLACK_MS = 20_000;
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
  readonly longestStallMs: number;
  readonly stalls: number;
  readonly skippedMs: number;
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
  try {
    let passed = true;
    for (const player of PLAYERS) {
      const outcome = await playThrough(network, browser, pageUrl, player);
      printOutcome(outcome);
      passed &&= outcome.failures.length === 0;
      await network.revive(outcome.killed);
      await network.waitForSteering();
    }
    process.stdout.write(passed ? 'check passed\n' : 'check FAILED\n');
    return passed;
  } finally {
    await browser.close();
  }
}

async function playThrough(network: DemoNetwork, browser: Browser, pageUrl: string, player: Player): Promise<Outcome> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 1400 } });
  try {
    const consoleErrors: string[] = [];
    page.on('pageerror', (error) => consoleErrors.push(error.message));
    await page.goto(`${pageUrl}/?player=${player}`);
    const started = await until(page, START_DEADLINE_MS, (record) => record.currentTime >= KILL_AT_SEC);
    if (!started)
      return failed(player, await read(page), [
        `did not reach ${KILL_AT_SEC} s of video within ${START_DEADLINE_MS / 1000} s`,
        ...consoleErrors,
      ]);
    // The appliance that serves this session is the one ranked first for it.
    const killed = (await read(page)).segments.at(-1)?.appliance ?? '';
    const played = await read(page);
    process.stderr.write(
      `${player}: killing ${killed} with -9 at ${played.currentTime.toFixed(1)} s of ${played.duration.toFixed(1)} s\n`,
    );
    await network.kill(killed);
    const killedAt = await page.evaluate(() => performance.now());
    const remainingMs = (played.duration - played.currentTime) * 1000;
    await until(page, remainingMs + SLACK_MS, (record) => record.ended);
    return judge(player, killed, killedAt, await read(page), consoleErrors);
  } finally {
    await page.close();
  }
}

function judge(
  player: Player,
  killed: string,
  killedAt: number,
  record: PageRecord,
  consoleErrors: readonly string[],
): Outcome {
  const before = count(record.segments.filter(({ at }) => at <= killedAt));
  const after = count(record.segments.filter(({ at }) => at > killedAt));
  const others = Object.entries(after).reduce(
    (sum, [id, segments]) => (id === killed || id === 'origin' ? sum : sum + segments),
    0,
  );
  const failures = [
    ...(record.ended
      ? []
      : [`the video stopped at ${record.currentTime.toFixed(1)} of ${record.duration.toFixed(1)} s`]),
    ...(others > 0 ? [] : ['no segment came from another appliance after the kill']),
    ...(record.longestStallMs <= STALL_LIMIT_MS ? [] : [`a stall lasted ${Math.round(record.longestStallMs)} ms`]),
    ...consoleErrors.map((message) => `the page threw: ${message}`),
  ];
  return { player, killed, record, before, after, failures };
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

async function until(page: Page, deadlineMs: number, holds: (record: PageRecord) => boolean): Promise<boolean> {
  const deadline = performance.now() + deadlineMs;
  while (performance.now() < deadline) {
    if (holds(await read(page))) return true;
    await new Promise((resolve) => setTimeout(resolve, 100));
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
    `${player}.js: played ${record.currentTime.toFixed(1)} of ${record.duration.toFixed(1)} s, ${record.stalls} stalls, longest ${Math.round(record.longestStallMs)} ms\n`,
  );
  process.stdout.write(`${indent(formatTable(['served by', 'segments before the kill', 'segments after'], rows))}\n`);
  for (const failure of failures) process.stdout.write(`  FAILED: ${failure}\n`);
}

const indent = (text: string): string => text.replaceAll(/^/gm, '  ');
