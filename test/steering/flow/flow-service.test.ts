import { afterAll, beforeAll, expect, test } from 'vitest';
import { encodeHoldings } from '../../../src/contracts/holdings.ts';
import type { FlowReport } from '../../../steering/flow/site-flow.ts';
import { heartbeat } from '../samples.ts';
import { SteeringRig } from '../steering-rig.ts';

/** The whole service: sites from heartbeats, the flow in its thread, the report for operators. */
const rig = new SteeringRig({ allowUnsignedLoopback: true, flowRoundMs: 500 });
beforeAll(() => rig.start());
afterAll(() => rig.stop());

test('the operator sees the sites with what their appliances can give, and metrics count the rounds', async () => {
  await rig.beat(heartbeat('a', { holdings: encodeHoldings(1, ['whole']) }));
  await rig.beat(heartbeat('b', { siteId: 'south', holdings: encodeHoldings(1, ['whole']) }));
  await rig.beat(heartbeat('c', { siteId: 'west', state: 'draining' }));
  await rig.world.clock.advance(1200);
  const report = (await rig.admin('/v1/flow')) as FlowReport;
  expect(report).toMatchObject({ outcome: 'quiet', version: 'none', groups: 0, displacedGroups: 0 });
  expect(report.sites.map(({ siteId }) => siteId)).toEqual(['north', 'south']);
  const metrics = await (await fetch(`${rig.adminUrl}/metrics`)).text();
  expect(metrics).toMatch(/^steering_flow_rounds_total\{outcome="quiet"\} [1-9]/m);
  expect(metrics).toMatch(/^steering_flow_origin_bits_per_second 0$/m);
});
