import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { until } from '../../../support/until.ts';
import { startAppliance } from '../../support/appliance-rig.ts';
import { GatedOrigin, patterned } from '../../support/gated-origin.ts';
import { ask } from '../../support/http-client.ts';

const MIB = 2 ** 20;

it('a viewer who meets a rotten block sets off the scrub, which finds the rest of the burst, and the repair fills it again', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'oca-scrub-repair-'));
  const origin = await GatedOrigin.start();
  const rig = await startAppliance({ dir, origin, flags: { memoryBytes: '0' } });
  try {
    const film = patterned(8 * MIB + 99);
    origin.files.set('/film.mp4', { bytes: film, etag: '"v1"', headers: { 'cache-control': 'max-age=600' } });
    await ask(`${rig.url}/film.mp4`);
    const metrics = async (): Promise<string> => (await ask(`${rig.adminUrl}/metrics`)).body.toString();
    await until(async () => (await metrics()).includes(`appliance_store_written_bytes_total ${film.length}`));
    origin.requests.length = 0;

    const data = join(dir, 'volume', 'v1', 'data');
    const [name = ''] = readdirSync(data, { recursive: true, encoding: 'utf8' }).filter((path) => path.includes('-'));
    const bytes = readFileSync(join(data, name));
    for (const block of [2, 3, 5]) bytes[block * MIB + 50]! ^= 1;
    writeFileSync(join(data, name), bytes);

    const range = { range: `bytes=${2 * MIB}-${3 * MIB - 1}` };
    const answer = await ask(`${rig.url}/film.mp4`, { headers: range });
    expect(answer.body.equals(film.subarray(2 * MIB, 3 * MIB))).toBe(true);
    // Nobody asks for the others.
    await until(async () => (await metrics()).includes('appliance_block_repairs_total{outcome="repaired"} 2'));
    expect(await metrics()).toContain('appliance_store_lost_blocks_total{why="rotten"} 3');
    const asked = origin.requests.map((request) => Number(/bytes=(\d+)-/.exec(request.range ?? '')?.[1]) / MIB);
    expect(asked.toSorted((a, b) => a - b)).toEqual([2, 3, 5]);
    origin.requests.length = 0;
    expect((await ask(`${rig.url}/film.mp4`)).body.equals(film)).toBe(true);
    expect(origin.requests).toHaveLength(0);
    const state = JSON.parse((await ask(`${rig.adminUrl}/v1/state`)).body.toString()) as {
      usage: { volumes: { scrub: { lostBlocks: number; readsDisk: boolean } }[] };
    };
    expect(state.usage.volumes[0]?.scrub).toMatchObject({ lostBlocks: 2, readsDisk: true });
  } finally {
    await rig.stop();
    await origin.stop();
    rmSync(dir, { recursive: true, force: true });
  }
});
