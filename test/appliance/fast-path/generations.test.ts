import { afterEach, expect, test } from 'vitest';
import { type ApplianceRig, startAppliance } from '../support/appliance-rig.ts';
import { GatedOrigin, patterned } from '../support/gated-origin.ts';
import { openAnswer } from '../support/http-client.ts';
import { Dice } from './differential/dice.ts';

const MIB = 2 ** 20;
/** Less than a page, a page, a little more, around a block: what a slot has behind a short block must never be seen. */
const SIZES = [1, 700, 4096, 4097, 60_000, MIB - 1, MIB, MIB + 1, 2 * MIB + 900] as const;
const PATHS = ['/a.m3u8', '/b.m3u8', '/c.m4s', '/d.m4s', '/e.mp4', '/f.mp4'] as const;
const ROUNDS = 4;
const READS_PER_ROUND = 40;
const READERS = 6;

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

/**
 * Content that changes under its paths again and again, while three appliances give it to each other and to viewers, in
 * so little memory that slots change hands all the time.
 */
class Changing {
  readonly origin: GatedOrigin;
  readonly dice: Dice;
  readonly appliances: readonly ApplianceRig[];
  readonly #bytesOf = new Map<string, Buffer>();
  readonly current = new Map<string, string>();
  whole = 0;
  #generations = 0;

  constructor(origin: GatedOrigin, appliances: readonly ApplianceRig[], dice: Dice) {
    this.origin = origin;
    this.appliances = appliances;
    this.dice = dice;
  }

  /** The origin has another content from now on; when this resolves, so has every appliance. */
  async change(path: string): Promise<void> {
    this.#generations += 1;
    const etag = `"g${this.#generations}"`;
    const bytes = patterned(this.dice.of(SIZES), this.#generations);
    this.#bytesOf.set(etag, bytes);
    this.origin.files.set(path, { bytes, etag, headers: { 'cache-control': 'max-age=600' } });
    // Whoever asks another is purged after it.
    for (const { adminUrl } of this.appliances) await purge(adminUrl, path);
    this.current.set(path, etag);
  }

  /** One viewer's request: whatever generation it is of, the bytes are those of what the head names. */
  async read(): Promise<void> {
    const path = this.dice.of(PATHS);
    const before = this.current.get(path);
    const first = this.dice.is(0.5) ? this.dice.below(2000) : this.dice.below(MIB + 2000);
    const last = first + this.dice.below(3000);
    const headers: Record<string, string> = this.dice.is(0.4) ? {} : { range: `bytes=${first}-${last}` };
    const answer = await openAnswer(`${this.dice.of(this.appliances).url}${path}`, { headers });
    // Cut where the rest of an older generation is nowhere any more.
    const ended = await answer.ended;
    const { body, status } = answer;
    const etag = answer.headers.etag ?? '';
    const bytes = this.#bytesOf.get(etag);
    if (bytes === undefined || (status !== 200 && status !== 206)) {
      expect([path, status, etag]).toEqual([path, 416, etag]);
      return;
    }
    const [start, end] = status === 206 ? [first, Math.min(last + 1, bytes.length)] : [0, bytes.length];
    const expected = bytes.subarray(start, ended === 'complete' ? end : start + body.length);
    expect([path, etag, status, headers, body.equals(expected)]).toEqual([path, etag, status, headers, true]);
    if (ended === 'complete') this.whole += 1;
    // Nothing older than what every appliance had before it was asked.
    if (before !== undefined) expect(Number(etag.slice(2, -1))).toBeGreaterThanOrEqual(Number(before.slice(2, -1)));
  }
}

async function purge(adminUrl: string, key: string): Promise<void> {
  const response = await fetch(`${adminUrl}/v1/purge`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ path: key }),
  });
  expect([response.status, await response.text()]).toEqual([200, expect.anything()]);
}

test('whatever changes under a path, and whoever fills from whom, bytes are those of the generation that the head names', async () => {
  const origin = await GatedOrigin.start();
  stops.push(() => origin.stop());
  const appliances: ApplianceRig[] = [];
  for (const id of ['a', 'b', 'c']) {
    const peers = appliances.map(({ url }) => url);
    const flags = { id, peers, engine: 'fast', memoryBytes: '24Mi' };
    const rig = await startAppliance({ origin, flags });
    stops.push(() => rig.stop());
    appliances.push(rig);
  }
  const changing = new Changing(origin, appliances, new Dice(7));
  for (const path of PATHS) await changing.change(path);
  let requests = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    let left = READS_PER_ROUND;
    const read = async (): Promise<void> => {
      for (; left > 0; left -= 1) await changing.read();
    };
    const readers = Array.from({ length: READERS }, read);
    for (let changes = 0; changes < 3; changes += 1) await changing.change(changing.dice.of(PATHS));
    await Promise.all(readers);
    requests += READS_PER_ROUND;
  }
  expect(changing.whole).toBeGreaterThan(requests / 2);
}, 120_000);
