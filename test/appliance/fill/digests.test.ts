import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../support/until.ts';
import { type ApplianceRig, startAppliance } from '../support/appliance-rig.ts';
import { patterned } from '../support/gated-origin.ts';
import { ask, openAnswer } from '../support/http-client.ts';

const MIB = 2 ** 20;
const PATH = '/film.mp4';

const digestOf = (bytes: Buffer, algorithm: 'sha-256' | 'sha-512' = 'sha-256'): string =>
  `${algorithm}=:${createHash(algorithm.replace('-', '')).update(bytes).digest('base64')}:`;

describe('what comes in with a digest', () => {
  let rig: ApplianceRig;
  const bytes = patterned(3 * MIB + 5);
  const lie = Buffer.from(bytes);
  lie[2 * MIB] = (lie[2 * MIB] ?? 0) ^ 1;

  beforeEach(async () => {
    rig = await startAppliance();
  });

  afterEach(() => rig.stop());

  const put = (served: Buffer, fields: Readonly<Record<string, string>>): void => {
    rig.origin.files.set(PATH, { bytes: served, etag: '"v1"', headers: { 'cache-control': 'max-age=600', ...fields } });
  };
  const wrongBytes = async (): Promise<boolean> =>
    (await ask(`${rig.adminUrl}/metrics`)).body.toString().includes('appliance_wrong_bytes_total{source="origin"} 1');
  const isKnown = async (): Promise<boolean> =>
    (await ask(`${rig.adminUrl}/v1/explain?path=${PATH}`)).body.toString().includes('"ofBlocks":4');

  it.each(['sha-256', 'sha-512'] as const)(
    'of the whole (%s) that is right is served with it, on every part',
    async (name) => {
      const digest = digestOf(bytes, name);
      put(bytes, { 'repr-digest': digest });
      const answers = [
        await ask(`${rig.url}${PATH}`, { headers: { range: 'bytes=0-9' } }),
        await ask(`${rig.url}${PATH}`, { headers: { range: `bytes=${2 * MIB}-${3 * MIB}` } }),
        await ask(`${rig.url}${PATH}`),
      ];
      expect(answers.map(({ headers }) => headers['repr-digest'])).toEqual([digest, digest, digest]);
      expect(answers[2]?.body.equals(bytes)).toBe(true);
      await until(isKnown);
      expect(await wrongBytes()).toBe(false);
    },
  );

  it('of the whole that is wrong is thrown away once all is here, and the next viewer gets it anew', async () => {
    put(lie, { 'repr-digest': digestOf(bytes) });
    await (await openAnswer(`${rig.url}${PATH}`)).ended;
    await until(wrongBytes);
    const asked = rig.origin.requests.length;
    put(bytes, { 'repr-digest': digestOf(bytes) });
    expect((await ask(`${rig.url}${PATH}`)).body.equals(bytes)).toBe(true);
    expect(rig.origin.requests.length).toBeGreaterThan(asked);
  });

  it('of the whole that is wrong is found also where its blocks came in another order', async () => {
    put(lie, { 'repr-digest': digestOf(bytes) });
    for (const first of [2 * MIB, 0, MIB]) {
      const range = `bytes=${first}-${first + 9}`;
      await ask(`${rig.url}${PATH}`, { headers: { range } });
    }
    expect(await wrongBytes()).toBe(false);
    await (await openAnswer(`${rig.url}${PATH}`, { headers: { range: 'bytes=-5' } })).ended;
    await until(wrongBytes);
  });

  it('of the message that is wrong is thrown away, and the digest of another’s message is never ours', async () => {
    put(bytes, { 'content-digest': digestOf(bytes) });
    const right = await ask(`${rig.url}${PATH}`);
    expect(right.body.equals(bytes)).toBe(true);
    expect(right.headers['content-digest']).toBeUndefined();
    rig.origin.files.set('/other', {
      bytes: lie,
      etag: '"o"',
      headers: { 'cache-control': 'max-age=600', 'content-digest': digestOf(bytes) },
    });
    await (await openAnswer(`${rig.url}/other`)).ended;
    await until(wrongBytes);
    rig.origin.files.set('/other', { bytes, etag: '"o"', headers: { 'cache-control': 'max-age=600' } });
    expect((await ask(`${rig.url}/other`)).body.equals(bytes)).toBe(true);
  });

  it.each([
    ['of an algorithm that nobody knows', 'unixsum=:AAAA:, md5=:AAAA:'],
    ['of the wrong length', 'sha-256=:AAAA:'],
    ['that does not parse', 'sha-256=('],
  ])('%s is taken as if it had none', async (_what, digest) => {
    put(bytes, { 'repr-digest': digest, 'content-digest': digest });
    expect((await ask(`${rig.url}${PATH}`)).body.equals(bytes)).toBe(true);
    expect((await ask(`${rig.url}${PATH}`)).headers['cache-status']).toContain('hit');
    expect(await wrongBytes()).toBe(false);
  });
});
