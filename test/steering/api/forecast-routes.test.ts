import { afterEach, beforeEach, expect, test } from 'vitest';
import { heartbeat } from '../samples.ts';
import { SteeringRig } from '../steering-rig.ts';

let rig: SteeringRig;
beforeEach(async () => {
  rig = await new SteeringRig().start();
});
afterEach(() => rig.stop());

const whatIf = (scenario: object): Promise<Response> =>
  fetch(`${rig.adminUrl}/v1/what-if`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(scenario),
  });

test('a forecast knows the room of a site whatever its name is', async () => {
  await rig.beat(heartbeat('box', { siteId: 'constructor', clusterId: 'constructor' }));
  const whole = (await (await whatIf({})).json()) as object;
  expect(whole).toMatchObject({ appliances: [{ id: 'box', hardBitsPerSec: 2e9 }] });
  const half = (await (await whatIf({ capacity: { constructor: 0.5 } })).json()) as object;
  expect(half).toMatchObject({ appliances: [{ id: 'box', hardBitsPerSec: 1e9 }] });
});

test('a scenario of more names than there may be is refused, as one with unknown ones is', async () => {
  await rig.beat(heartbeat('box'));
  const many = Object.fromEntries(Array.from({ length: 1001 }, (_, index) => [`site-${index}`, 1]));
  const refused = await whatIf({ capacity: many });
  expect(refused.status).toBe(400);
  expect(await refused.json()).toMatchObject({ code: 'CONTRACT', detail: expect.stringContaining('at most 1000') });
  expect((await whatIf({ drain: ['x'.repeat(200_000)] })).status).toBe(413);
  const unknown = await whatIf({ drain: ['box', 'toString'] });
  expect(await unknown.json()).toMatchObject({ code: 'QUESTION', detail: expect.stringContaining('toString') });
});
