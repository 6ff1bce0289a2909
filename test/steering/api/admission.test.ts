import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseContentSteering, parseSteeringAnswer } from '../../../src/contracts/steering-answer.ts';
import { until } from '../../support/until.ts';
import { PlannerDouble } from '../planner-double.ts';
import { heartbeat, holdingsOf, title } from '../samples.ts';
import { SteeringRig } from '../steering-rig.ts';

/** Through the whole service: what begins at an appliance counts there before its heartbeat can tell. */
const BARS = title('bars');
/** The highest variant of the title. */
const NOMINAL_BITS_PER_SEC = 324_143;
const ROOM_FOR = 10;

let planner: PlannerDouble;
let rig: SteeringRig;
let sequence = 0;

beforeEach(async () => {
  planner = await new PlannerDouble().start();
  planner.setTitles(BARS);
  planner.setPlan('a', 1, BARS);
  rig = new SteeringRig({
    planner: planner.url,
    newSessionShare: 1,
    maxPerAddressPerSec: 100_000,
    maxSessionsPerAddress: 40,
    trustedProxies: ['127.0.0.1/32'],
  });
  await rig.start();
  await beat(0);
  await rig.world.clock.advanceUntil(() => planner.seen.some((line) => line.startsWith('list')));
  await until(async () => (await rig.get('/v1/steer?title=bars&session=first')).ok && (await first('first')) === 'a');
  // The session that looked whether it is there is measured by now.
  for (let second = 0; second < 8; second += 2) {
    await rig.world.clock.advance(2000);
    await beat(0);
  }
});
afterEach(async () => {
  await rig.stop();
  await planner.stop();
});

async function beat(sessions: number, roomFor = ROOM_FOR): Promise<void> {
  sequence += 1;
  await rig.beat(
    heartbeat('a', {
      sequence,
      holdings: holdingsOf(BARS, 'whole'),
      load: { egressBitsPerSec: sessions * NOMINAL_BITS_PER_SEC, activeRequests: sessions, cpuShare: 0 },
      capacity: {
        softEgressBitsPerSec: roomFor * NOMINAL_BITS_PER_SEC,
        hardEgressBitsPerSec: roomFor * NOMINAL_BITS_PER_SEC,
        maxActiveRequests: 1000,
      },
    }),
  );
}

const first = async (session: string): Promise<string | undefined> =>
  parseSteeringAnswer(await rig.json(`/v1/steer?title=bars&session=${session}`)).ranked[0]?.id;
const startMany = async (name: string, count: number): Promise<number> => {
  let placed = 0;
  for (let index = 0; index < count; index += 1) if ((await first(`${name}${index}`)) === 'a') placed += 1;
  return placed;
};

test('a crowd between two heartbeats fills an appliance and does not flood it', async () => {
  expect(await startMany('crowd', 40)).toBe(ROOM_FOR);
  expect((await rig.admin('/v1/explain?title=bars&client=203.0.113.7')) as object).toMatchObject({
    excluded: [{ id: 'a', code: 'full', reason: expect.stringContaining('just placed there') }],
  });
});

test('when the load shows them they count once, and when they are gone there is room again', async () => {
  await startMany('crowd', 40);
  for (let second = 0; second < 6; second += 2) {
    await rig.world.clock.advance(2000);
    await beat(ROOM_FOR / 2);
  }
  // Half of them stayed.
  expect(await startMany('later', 40)).toBe(ROOM_FOR / 2);
});

test('players that play there already and ask again take no room', async () => {
  for (let index = 0; index < 40; index += 1) {
    const answer = await rig.json(`/v1/steering/hls?a=bars&s=old${index}&_HLS_pathway=a&_HLS_throughput=5000000`);
    expect(parseContentSteering(answer)['PATHWAY-PRIORITY'][0]).toBe('a');
  }
  expect(await startMany('new', 40)).toBe(ROOM_FOR);
});

test('one address fills no appliance with sessions that nobody plays', async () => {
  await beat(0, 50);
  expect(await startMany('phantom', 200)).toBe(200);
  const answer = await rig.get('/v1/steer?title=bars&session=viewer', { 'x-forwarded-for': '198.51.100.7' });
  expect(parseSteeringAnswer(await answer.json()).ranked[0]?.id).toBe('a');
});
