import { afterAll, beforeAll, expect, test } from 'vitest';
import { heartbeat, holdingsOf, title } from './samples.ts';
import { SteeringRig } from './steering-rig.ts';

/** Content steering is answered in front of the router; what the router would say differs in nothing. */
const rig = new SteeringRig({ allowUnsignedLoopback: true });
beforeAll(async () => {
  await rig.start();
  await rig.beat(heartbeat('a', { holdings: holdingsOf(title('bars'), 'whole') }));
});
afterAll(() => rig.stop());

const CHANGES = new Set(['date', 'server-timing', 'connection', 'keep-alive']);
const headersOf = (response: Response): Record<string, string> =>
  Object.fromEntries([...response.headers].filter(([name]) => !CHANGES.has(name)));

for (const format of ['hls', 'dash']) {
  test(`${format}: the answer in front of the router has the headers and the body of the router's own`, async () => {
    const query = 'a=bars&s=abc&_HLS_pathway=a&_HLS_throughput=5000000';
    const first = await rig.get(`/v1/steering/${format}?${query}`);
    // The same target in a spelling that only the router knows.
    const routed = await rig.get(`/v1/steering/%${format.charCodeAt(0).toString(16)}${format.slice(1)}?${query}`);
    expect(first.status).toBe(200);
    expect(routed.status).toBe(200);
    expect(headersOf(first)).toEqual(headersOf(routed));
    expect(first.headers.get('server-timing')).toMatch(/^rank;dur=\d/);
    const [one, other] = [await first.json(), await routed.json()] as Record<string, unknown>[];
    expect({ ...one, TTL: 0 }).toEqual({ ...other, TTL: 0 });
  });

  test(`${format}: HEAD and targets without a query reach the router`, async () => {
    const head = await fetch(`${rig.url}/v1/steering/${format}?a=bars&s=abc`, { method: 'HEAD' });
    expect(head.status).toBe(200);
    expect(await head.text()).toBe('');
    expect((await rig.get(`/v1/steering/${format}`)).status).toBe(200);
  });
}
