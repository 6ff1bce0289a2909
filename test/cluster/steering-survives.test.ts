import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { ChildService, serviceWords } from '../../deploy/demo/child-service.ts';
import type { Heartbeat } from '../../src/contracts/heartbeat.ts';
import { parseContentSteering, parseSteeringAnswer } from '../../src/contracts/steering-answer.ts';
import { SmallDisk, whyNoSmallDisk } from '../appliance/store/small-disk.ts';
import { PlannerDouble } from '../steering/planner-double.ts';
import { heartbeat, holdingsOf, title } from '../steering/samples.ts';
import { seededRandom } from '../support/fake-world.ts';
import { until } from '../support/until.ts';

/**
 * A real steering process whose planner is gone for good, and what else may go wrong. All tests begin with what one
 * steering left behind that was killed: a catalogue, three appliances, one of them drained, and client prefixes.
 */
const noTmpfs = whyNoSmallDisk('inMemory');
const BARS = title('bars');
const HOLDINGS = holdingsOf(BARS, 'whole');
const PLANNER_IS_GONE = 'http://127.0.0.1:9';
const SHORT_LEASE_MS = 300;
/** Ten starts take seconds, and minutes where others use the machine. */
const SLOW_MACHINE_MS = 300_000;

let before: string;
let folder: string;
let files: { readonly prefixes: string; readonly sites: string };
const children: ChildService[] = [];

async function start(state: string, parameters: Readonly<Record<string, string | number>> = {}): Promise<ChildService> {
  const words = serviceWords('steering', {
    listen: '127.0.0.1:0',
    adminListen: '127.0.0.1:0',
    state,
    planner: PLANNER_IS_GONE,
    cataloguePollMs: 100,
    leaseMs: SHORT_LEASE_MS,
    ...files,
    ...parameters,
  });
  const environment = { OCA_ALLOW_UNSIGNED_LOOPBACK: 'true' };
  const child = await ChildService.start({ words, logFile: join(folder, 'steering.log'), environment });
  children.push(child);
  return child;
}

const listen = (child: ChildService): string => child.addresses['listen'] ?? '';
const admin = (child: ChildService): string => child.addresses['admin'] ?? '';

async function beat(child: ChildService, id: string, changes: Partial<Heartbeat> = {}): Promise<number> {
  const body = JSON.stringify(heartbeat(id, { sentAtMs: Date.now(), holdings: HOLDINGS, ...changes }));
  const headers = { 'content-type': 'application/json' };
  return (await fetch(`${listen(child)}/v1/heartbeat`, { method: 'POST', headers, body })).status;
}

/** Withholds an appliance for an hour. @returns whether it will be remembered */
async function drain(child: ChildService, name: string, target: string): Promise<boolean> {
  const response = await fetch(`${admin(child)}/v1/withholdings/${name}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ scope: 'appliance', target, why: 'new disk', forMs: 3_600_000 }),
  });
  if (!response.ok) throw new Error(await response.text());
  return ((await response.json()) as { kept: boolean }).kept;
}

const drains = async (child: ChildService): Promise<string[]> => {
  const answer = (await (await fetch(`${admin(child)}/v1/withholdings`)).json()) as {
    withholdings: { name: string }[];
  };
  return answer.withholdings.map(({ name }) => name);
};
const metricsOf = async (child: ChildService): Promise<string> => (await fetch(`${admin(child)}/metrics`)).text();
const steer = async (child: ChildService) =>
  parseSteeringAnswer(await (await fetch(`${listen(child)}/v1/steer?title=bars&session=s`)).json());
const places = async (child: ChildService): Promise<string[]> => (await steer(child)).ranked.map(({ id }) => id).sort();

/** What every steering must do, whatever it has lost: answer players, and take what appliances tell. */
async function expectToServe(child: ChildService): Promise<void> {
  const response = await fetch(`${listen(child)}/v1/steering/hls?a=bars&s=s&_HLS_pathway=a`);
  expect(response.status).toBe(200);
  expect(parseContentSteering(await response.json())['PATHWAY-PRIORITY'].at(-1)).toMatch(/^origin/);
  expect(await beat(child, 'c', { sequence: Date.now() })).toBe(200);
}

beforeAll(async () => {
  before = mkdtempSync(join(tmpdir(), 'oca-survives-before-'));
  folder = before;
  files = { prefixes: join(before, 'prefixes.csv'), sites: join(before, 'sites.json') };
  writeFileSync(files.prefixes, '127.0.0.0/8,north\n');
  writeFileSync(files.sites, '{"version": 1, "sites": [{"id": "north", "kind": "peering"}]}');
  const planner = await new PlannerDouble().start();
  planner.setTitles(BARS);
  for (const id of ['a', 'b', 'c']) planner.setPlan(id, 1, BARS);
  const child = await start(join(before, 'state'), { planner: planner.url, leaseMs: 60_000 });
  for (const id of ['a', 'b', 'c']) await beat(child, id);
  await drain(child, 'disk', 'b');
  const isReady = async (): Promise<boolean> => {
    const response = await fetch(`${listen(child)}/v1/steer?title=bars`);
    if (!response.ok || !(await metricsOf(child)).includes('steering_unwritten_appliances 0')) return false;
    const { ranked } = parseSteeringAnswer(await response.json());
    return ranked.filter(({ reasons }) => reasons.some((reason) => reason.startsWith('holds 100 %'))).length === 2;
  };
  await until(isReady);
  await child.end('SIGKILL');
  children.length = 0;
  await planner.stop();
}, SLOW_MACHINE_MS);
afterAll(() => rmSync(before, { recursive: true, force: true }));

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'oca-survives-'));
  cpSync(join(before, 'state'), join(folder, 'state'), { recursive: true });
});
afterEach(async () => {
  for (const child of children.splice(0)) await child.end('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const log = (): string => readFileSync(join(folder, 'steering.log'), 'utf8');

test('it answers at once from what it last knew, and goes on so while no appliance and no planner is ever heard', async () => {
  const child = await start(join(folder, 'state'));
  const first = await steer(child);
  expect(first.ranked.map(({ id }) => id).sort()).toEqual(['a', 'c', 'origin']);
  expect(first.excluded).toEqual([{ id: 'b', reason: expect.stringContaining('new disk') }]);
  expect(first.client.siteId).toBe('north');
  const manifest = await (await fetch(`${listen(child)}/v1/manifest/bars.m3u8?session=s`)).text();
  expect(manifest).toContain(`PATHWAY-ID="${first.ranked[0]?.id}"`);
  // The leases that the last steering gave are over.
  await until(async () => (await metricsOf(child)).includes('steering_appliances{lease="doubtful"} 3'));
  await until(async () =>
    (await steer(child)).ranked.some(({ reasons }) => reasons.join().includes('nobody has been heard')),
  );
  expect(await places(child)).toEqual(['a', 'c', 'origin']);
  // Who is heard now is believed again; the others are given up after a lease.
  await until(async () => {
    await beat(child, 'c', { sequence: Date.now() });
    return (await places(child)).join() === 'c,origin';
  });
});

test(
  'every file that it keeps may be damaged, one or all: it is put aside by name, and the service starts',
  async () => {
    const state = join(folder, 'state');
    const names = readdirSync(state).filter((name) => name.endsWith('.sqlite'));
    expect(names).toEqual(
      expect.arrayContaining(['catalogue.sqlite', 'fleet.sqlite', 'trust.sqlite', 'withholdings.sqlite']),
    );
    // One of them alone: test/steering/kept.
    for (const damaged of [['trust.sqlite'], names]) {
      rmSync(state, { recursive: true });
      cpSync(join(before, 'state'), state, { recursive: true });
      for (const name of damaged) {
        const file = join(state, name);
        writeFileSync(file, Buffer.alloc(statSync(file).size, 0xa5));
        rmSync(`${file}-wal`, { force: true });
      }
      const child = await start(state);
      // Asked before anybody is heard: a lease after the first heartbeat whoever kept silent is given up.
      if (!damaged.includes('fleet.sqlite') && !damaged.includes('catalogue.sqlite'))
        expect(await places(child)).toContain('a');
      await expectToServe(child);
      for (const name of damaged) {
        expect(existsSync(join(state, `${name}.damaged`))).toBe(true);
        expect(log()).toContain(join(state, name));
      }
      await child.end('SIGKILL');
    }
  },
  SLOW_MACHINE_MS,
);

test.each([
  ['cannot be parsed', 'no,table\n', '{'],
  ['are gone', undefined, undefined],
])('the table of prefixes and that of sites may be such that they %s', async (_what, prefixes, sites) => {
  const broken = { prefixes: join(folder, 'prefixes.csv'), sites: join(folder, 'sites.json') };
  if (prefixes !== undefined) writeFileSync(broken.prefixes, prefixes);
  if (sites !== undefined) writeFileSync(broken.sites, sites);
  const child = await start(join(folder, 'state'), broken);
  expect(await places(child)).toEqual(['a', 'c', 'origin']);
  expect(await metricsOf(child)).toContain('steering_site_file_broken 1');
  await expectToServe(child);
  // Mended while it runs.
  writeFileSync(broken.sites, '{"version": 1, "sites": []}');
  await until(async () => (await metricsOf(child)).includes('steering_site_file_broken 0'));
});

// Only where a file system can be mounted; whyNoSmallDisk says on the terminal why not.
test.skipIf(noTmpfs !== undefined)(
  'on a disk without a free byte it starts, hears, steers, and remembers again once there is room',
  async () => {
    using disk = SmallDisk.inMemory(8);
    const state = join(disk.dir, 'state');
    cpSync(join(folder, 'state'), state, { recursive: true });
    const ballast = join(disk.dir, 'ballast');
    fillUp(ballast);
    const child = await start(state);
    expect(await places(child)).toEqual(['a', 'c', 'origin']);
    for (const id of ['a', 'b', 'c'])
      expect(await beat(child, id, { sequence: 2, clusterId: 'x'.repeat(32) })).toBe(200);
    fillUp(ballast);
    // As many as no page that is free inside the files takes.
    for (let index = 0; index < 100; index += 1) expect(await beat(child, `new-${index}`)).toBe(200);
    await until(async () => log().includes('the fleet cannot be kept'));
    let kept = true;
    for (let index = 0; kept && index < 100; index += 1) kept = await drain(child, `drain-${index}`, 'a');
    expect(kept).toBe(false);
    expect((await steer(child)).excluded.map(({ id }) => id)).toContain('a');
    await expectToServe(child);

    // Killed there, it starts again on the full disk.
    await child.end('SIGKILL');
    fillUp(ballast);
    const again = await start(state);
    await expectToServe(again);
    expect(await drains(again)).toContain('disk');
    for (let index = 0; index < 100; index += 1) expect(await beat(again, `new-${index}`)).toBe(200);

    rmSync(ballast);
    await until(async () => (await metricsOf(again)).includes('steering_unwritten_appliances 0'));
    expect(await drain(again, 'later', 'c')).toBe(true);
    await again.end('SIGKILL');
    const last = await start(state);
    expect(await drains(last)).toEqual(expect.arrayContaining(['disk', 'later']));
  },
  60_000,
);

/** Appends until the disk takes nothing more. */
function fillUp(file: string): void {
  for (let bytes = 65_536; bytes >= 1; ) {
    try {
      writeFileSync(file, Buffer.alloc(bytes), { flag: 'a' });
    } catch {
      bytes = Math.floor(bytes / 16);
    }
  }
}

test(
  'killed ten times in the midst of writing, it starts each time, and knows every order that it confirmed',
  async () => {
    const state = join(folder, 'state');
    const random = seededRandom(7);
    const confirmed = new Set(['disk']);
    for (let round = 0; round < 10; round += 1) {
      const child = await start(state, { leaseMs: 60_000 });
      expect(await drains(child)).toEqual(expect.arrayContaining([...confirmed]));
      expect((await places(child)).filter((id) => id === 'origin')).toEqual(['origin']);
      const life = { isOver: false };
      const hammer = async (write: (count: number) => Promise<void>): Promise<void> => {
        try {
          for (let count = 0; !life.isOver; count += 1) await write(count);
        } catch (error) {
          // The answer that the kill cut off.
          if (!life.isOver) throw error;
        }
      };
      const writers = [
        hammer(async (count) => {
          const name = `r${round}-${count % 40}`;
          if (await drain(child, name, 'b')) confirmed.add(name);
        }),
        hammer(async (count) => void (await beat(child, `new-${count % 50}`, { sequence: 1000 * round + count }))),
      ];
      await new Promise((resolve) => setTimeout(resolve, 30 + random.next() * 300));
      life.isOver = true;
      await child.end('SIGKILL');
      await Promise.all(writers);
    }
    expect(confirmed.size).toBeGreaterThan(10);
    expect(readdirSync(state).filter((name) => name.endsWith('.damaged'))).toEqual([]);
  },
  SLOW_MACHINE_MS,
);
