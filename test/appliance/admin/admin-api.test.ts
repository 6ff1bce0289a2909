import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../support/until.ts';
import { type ApplianceRig, startAppliance } from '../support/appliance-rig.ts';
import { patterned } from '../support/gated-origin.ts';
import { ask } from '../support/http-client.ts';

const MIB = 2 ** 20;

describe("the operator's listener", () => {
  let rig: ApplianceRig;

  beforeEach(async () => {
    rig = await startAppliance();
    rig.origin.files.set('/film.mp4', {
      bytes: patterned(2 * MIB),
      etag: '"v1"',
      headers: { 'cache-control': 'max-age=600' },
    });
  });

  afterEach(() => rig.stop());

  const read = async (path: string): Promise<Record<string, unknown>> =>
    (await (await fetch(`${rig.adminUrl}${path}`)).json()) as Record<string, unknown>;
  const post = (path: string, body?: object): Promise<Response> =>
    fetch(`${rig.adminUrl}${path}`, {
      method: 'POST',
      ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });

  it('says that it lives and can serve', async () => {
    expect(await read('/healthz')).toEqual({ status: 'ok' });
    expect(await read('/readyz')).toEqual({ status: 'ready', reasons: [] });
    expect(await read('/v1/state')).toMatchObject({ id: 'oca-1', state: 'serving', reasons: [] });
  });

  it('explains what is held of an object and how long it is good', async () => {
    await ask(`${rig.url}/film.mp4`, { headers: { range: 'bytes=0-9' } });
    await until(async () => (await read('/v1/state'))['usage'] !== undefined);
    await until(async () => JSON.stringify(await read('/v1/explain?path=/film.mp4')).includes('"blocks":1'));
    expect(await read('/v1/explain?path=/film.mp4')).toMatchObject({
      key: '/film.mp4',
      sizeBytes: 2 * MIB,
      held: { blocks: 1, ofBlocks: 2, bytes: MIB },
      blocksOnTheirWay: [],
      etag: '"v1"',
      freshness: { isFresh: true, lifetimeSec: 600 },
    });
  });

  it('says so when it knows nothing of a path, or the question is none', async () => {
    expect((await fetch(`${rig.adminUrl}/v1/explain?path=/other`)).status).toBe(404);
    expect((await fetch(`${rig.adminUrl}/v1/explain`)).status).toBe(400);
    expect((await fetch(`${rig.adminUrl}/v1/explain?path=no-path`)).status).toBe(400);
    expect((await post('/v1/purge', { file: '/film.mp4' })).status).toBe(400);
  });
});
