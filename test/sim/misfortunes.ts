import type { MissReport } from '../../steering/accounting/byte-accounts.ts';
import type { ByteClass } from '../../steering/accounting/byte-class.ts';
import { KEEP_MS } from '../../steering/quality/judging/settle-class.ts';
import type { ApplianceModel } from './appliance-model.ts';
import { type Evening, RULES } from './evening.ts';
import { routesOf } from './town.ts';

const TTL_MS = RULES.ttlSec * 1000;

/** What happens to the town in an evening, each with what must come of it. */
export const MISFORTUNES = {
  surge,
  'site-lost': loseSite,
  drain: drainOneByOne,
  withheld: withholdSite,
  deaf: goDeaf,
  late: hearLate,
  restart,
  routes: withdrawRoutes,
  clock: jumpClock,
  slow: slowDown,
};
export type MisfortuneName = keyof typeof MISFORTUNES;

/** Within seconds ten times as many viewers at one ISP. */
async function surge(evening: Evening): Promise<void> {
  const isp = drawFrom(['alpha', 'beta'], evening);
  const before = await classesBySite(evening);
  const present = [...evening.viewers.values()].filter((viewer) => viewer.facts.neighbourhood.isp === isp).length;
  let left = 9 * present;
  const perTick = Math.ceil(left / 10);
  await evening.run(30_000, `a tenfold surge at ${isp}`, {
    each: async () => {
      for (let at = 0; at < perTick && left > 0; at += 1, left -= 1)
        await evening.join(evening.drawNeighbourhood(isp), 20_000 + 15_000 * evening.random.next());
    },
  });
  const grown = await grownSince(before, evening, (siteId) => siteId.startsWith(isp));
  demandClass(evening, grown, 'admission');
  await evening.run(30_000, 'after the surge');
}

async function loseSite(evening: Evening): Promise<void> {
  const siteId = drawFrom(['alpha-1', 'alpha-2', 'beta-1', 'exchange-1'], evening);
  const members = membersOf(evening, siteId);
  const before = await classesBySite(evening);
  for (const appliance of members) {
    appliance.lose();
    evening.judge.forbid(appliance.id, 'is lost', RULES.leaseMs + 2500);
  }
  await evening.run(2 * TTL_MS, `${siteId} lost`);
  demandEmpty(evening, members, 'two TTLs after it was lost');
  demandClass(evening, await grownSince(before, evening, (id) => id === siteId), 'health');
  for (const appliance of members) {
    appliance.comeBack();
    evening.judge.allow(appliance.id);
  }
  await evening.run(30_000, `${siteId} back`);
}

/** One appliance after the other goes and comes, as in an upgrade. */
async function drainOneByOne(evening: Evening): Promise<void> {
  const members = membersOf(evening, drawFrom(['alpha-3', 'beta-2', 'exchange-2'], evening)).slice(0, 3);
  for (const appliance of members) {
    appliance.state = 'draining';
    evening.judge.forbid(appliance.id, 'drains');
    await evening.run(1.1 * TTL_MS + 4500, `${appliance.id} drains`);
    demandEmpty(evening, [appliance], 'a TTL after it began to drain');
    appliance.comeBack();
    evening.judge.allow(appliance.id);
  }
  await evening.run(10_000, 'all drained');
}

/** By an operator's order, taken back in the end. */
async function withholdSite(evening: Evening): Promise<void> {
  const siteId = drawFrom(['alpha-2', 'beta-1'], evening);
  const members = membersOf(evening, siteId);
  const before = await classesBySite(evening);
  const wish = { scope: 'site', target: siteId, why: 'new cables', forMs: 3_600_000 };
  await evening.steering.admin('PUT', '/v1/withholdings/cables', wish);
  for (const appliance of members) {
    appliance.isWithheld = true;
    evening.judge.forbid(appliance.id, 'is withheld', 0);
  }
  await evening.run(2 * TTL_MS, `${siteId} withheld`);
  demandEmpty(evening, members, 'two TTLs after it was withheld');
  demandClass(evening, await grownSince(before, evening, (id) => id === siteId), 'health');
  await evening.steering.admin('DELETE', '/v1/withholdings/cables');
  for (const appliance of members) {
    appliance.isWithheld = false;
    evening.judge.allow(appliance.id);
  }
  await evening.run(20_000, `${siteId} given back`);
}

/** The way to steering breaks: everybody serves, nobody is heard. */
async function goDeaf(evening: Evening): Promise<void> {
  evening.delivery = 'lost';
  evening.judge.isDeaf = true;
  await evening.run(30_000, 'no heartbeats');
  demandStillness(evening);
  evening.delivery = 'at-once';
  await evening.run(20_000, 'heartbeats again');
  demandStillness(evening);
  evening.judge.isDeaf = false;
}

async function hearLate(evening: Evening): Promise<void> {
  evening.delivery = 'late';
  await evening.run(20_000, 'late heartbeats');
  demandStillness(evening);
  evening.delivery = 'at-once';
  await evening.run(10_000, 'heartbeats in time');
  demandStillness(evening);
}

async function restart(evening: Evening): Promise<void> {
  await evening.steering.restart();
  await evening.run(20_000, 'after a restart');
  demandStillness(evening);
}

async function withdrawRoutes(evening: Evening): Promise<void> {
  const siteId = drawFrom(['alpha-1', 'alpha-2', 'beta-2'], evening);
  const members = membersOf(evening, siteId);
  const before = await classesBySite(evening);
  for (const appliance of members) await evening.report(appliance, []);
  await evening.run(2 * TTL_MS, `routes of ${siteId} withdrawn`);
  const alone = evening.town.neighbourhoods.filter(({ sites }) => sites.length === 1 && sites[0] === siteId);
  for (const { facts, current } of evening.viewers.values()) {
    const isThere = alone.includes(facts.neighbourhood) && evening.appliances.get(current)?.facts.site.id === siteId;
    evening.judge.demand(!isThere, () => `${facts.id} plays from ${current}, to which it is not announced any more`);
  }
  demandClass(evening, await grownSince(before, evening, (id) => id === 'unknown'), 'route');
  for (const appliance of members) await evening.report(appliance, routesOf(evening.town, siteId));
  await evening.run(20_000, `routes of ${siteId} announced again`);
}

async function jumpClock(evening: Evening): Promise<void> {
  const hours = drawFrom([-2, 3], evening);
  evening.steering.clock.jumpWallClock(hours * 3_600_000);
  await evening.run(20_000, `a clock that jumps by ${hours} h`);
  demandStillness(evening);
}

/** A quarter of the speed, found by what viewers report, and taken back when it is over. */
async function slowDown(evening: Evening): Promise<void> {
  // It takes some hundred reports to tell a slow appliance from slow lines: one with few viewers is not found in minutes.
  const [appliance] = [...evening.appliances.values()]
    .filter(({ facts }) => facts.site.kind === 'embedded')
    .sort((a, b) => b.viewers - a.viewers);
  if (appliance === undefined) throw new Error('nobody serves');
  const firstPlaces = async (forMs: number, name: string): Promise<number> => {
    evening.firstPlaces.clear();
    await evening.run(forMs, name);
    const all = [...evening.firstPlaces.values()].reduce((sum, count) => sum + count, 0);
    return (evening.firstPlaces.get(appliance.id) ?? 0) / all;
  };
  const before = await firstPlaces(30_000, `${appliance.id} as ever`);
  appliance.speed = 0.25;
  await evening.run(120_000, `${appliance.id} becomes slow`);
  const slow = await firstPlaces(30_000, `${appliance.id} known to be slow`);
  evening.judge.demand(slow < 0.25 * before, () => `slow ${appliance.id} has ${slow} of ${before} first places`);
  appliance.speed = 1;
  evening.judge.allow(appliance.id);
  // Where few viewers are left to say better, what was judged worse stays so for long: settle-class.ts.
  await evening.run(KEEP_MS + 60_000, `${appliance.id} recovers`);
  const after = await firstPlaces(30_000, `${appliance.id} recovered`);
  evening.judge.demand(after > 0.5 * before, () => `recovered ${appliance.id} has ${after} of ${before} first places`);
}

function membersOf({ appliances }: Evening, siteId: string): ApplianceModel[] {
  return [...appliances.values()].filter(({ facts }) => facts.site.id === siteId);
}

function drawFrom<T>(items: readonly T[], { random }: Evening): T {
  const item = items[Math.floor(random.next() * items.length)];
  if (item === undefined) throw new Error('nothing to draw from');
  return item;
}

function demandEmpty(evening: Evening, members: readonly ApplianceModel[], when: string): void {
  const there = [...evening.viewers.values()].filter(({ current }) => members.some(({ id }) => id === current));
  evening.judge.demand(
    there.length === 0,
    () => `${there.length} viewers are at ${there[0]?.current} ${when}: ${there[0]?.facts.id}`,
  );
}

/** What is nobody's fault but steering's own moves nobody. */
export function demandStillness({ judge }: Evening): void {
  const { asks, moves } = judge.phase;
  const moved = STRANGE_MOVES.reduce((sum, reason) => sum + (moves[reason] ?? 0), 0);
  judge.demand(moved <= STILL_SHARE * asks, () => `${moved} of ${asks} viewers moved: ${JSON.stringify(moves)}`);
}

const STRANGE_MOVES = ['needless', 'farther', 'to-origin', 'unknown'];
const STILL_SHARE = 0.01;

type Classes = Partial<Record<ByteClass, number>>;

async function classesBySite({ steering }: Evening): Promise<ReadonlyMap<string, Classes>> {
  const report = await steering.admin<MissReport>('GET', '/v1/misses?minutes=1440');
  return new Map(report.sites.map(({ siteId, bytes }) => [siteId, bytes]));
}

async function grownSince(
  before: ReadonlyMap<string, Classes>,
  evening: Evening,
  isMeant: (siteId: string) => boolean,
): Promise<Classes> {
  const grown: Classes = {};
  for (const [siteId, bytes] of await classesBySite(evening)) {
    if (!isMeant(siteId)) continue;
    for (const name of Object.keys(bytes) as ByteClass[])
      grown[name] = (grown[name] ?? 0) + (bytes[name] ?? 0) - (before.get(siteId)?.[name] ?? 0);
  }
  return grown;
}

/** Of the bytes that were missed there, beside those of titles that were never there, most are of this class. */
function demandClass(evening: Evening, grown: Classes, expected: ByteClass): void {
  const caused = CAUSED.reduce((sum, name) => sum + (grown[name] ?? 0), 0);
  const share = (grown[expected] ?? 0) / caused;
  evening.judge.demand(share > 0.8, () => `of the misses ${share} are ${expected}: ${JSON.stringify(grown)}`);
}

const CAUSED: readonly ByteClass[] = ['health', 'admission', 'route', 'client-choice'];
