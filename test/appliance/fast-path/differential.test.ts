import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { GRANT_TYPE, TOKEN_REFUSALS } from '../../../src/tokens/judge-claims.ts';
import { packIntoPath } from '../../../src/tokens/token-package.ts';
import { SigningKey } from '../../src/tokens/signing-key.ts';
import { until } from '../../support/until.ts';
import { fillOrigin, PATHS } from './differential/contents.ts';
import { Dice } from './differential/dice.ts';
import { countOf, EnginePair } from './differential/engine-pair.ts';
import { makeScript, type Script } from './differential/generate.ts';
import { shrink } from './differential/shrink.ts';

/** The same each time, so that a failure is nobody's bad luck; others by hand. */
const SEED = Number(process.env['DIFFERENTIAL_SEED'] ?? 1);
const SCRIPTS = Number(process.env['DIFFERENTIAL_SCRIPTS'] ?? 1000);
const AT_ONCE = 16;
/** Half a minute on an idle machine; one with much else to do was seen to take ten times as long. */
vi.setConfig({ testTimeout: 900_000 });

let pair: EnginePair | undefined;
const dirs: string[] = [];
afterEach(async () => {
  await pair?.stop();
  pair = undefined;
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true, force: true });
});

/** Sends many scripts to both at once, and fails with the smallest that is answered differently. */
async function compareAll({ differ }: Differing, count: number, make: () => Script): Promise<void> {
  let made = 0;
  let failed: { readonly script: Script; readonly number: number; readonly says: string } | undefined;
  const work = async (): Promise<void> => {
    while (made < count && failed === undefined) {
      made += 1;
      const number = made;
      const script = make();
      const says = await differ(script);
      if (says !== undefined) failed ??= { script, number, says };
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  if (failed === undefined) return;
  const { script, number } = failed;
  const again = async (candidate: Script): Promise<boolean> => (await differ(candidate)) !== undefined;
  // What does not happen twice cannot be made smaller.
  const smallest = (await again(script)) ? await shrink(script, again) : script;
  const says = (await differ(smallest)) ?? `not the second time; the first time ${failed.says}`;
  throw new Error(`seed ${SEED}, script ${number}: ${JSON.stringify(smallest, undefined, 1)}\n${says}`);
}

interface Differing {
  readonly differ: (script: Script) => Promise<string | undefined>;
}

test('both engines give the same answers to whatever they are sent', async () => {
  pair = await EnginePair.start(fillOrigin, () => ({}), PATHS);
  const { fast, reference } = pair;
  const dice = new Dice(SEED);
  let requests = 0;
  const differ = pair.differ.bind(pair);
  await compareAll({ differ }, SCRIPTS, () => {
    const script = makeScript(dice);
    requests += script.sound.length + 2;
    return script;
  });
  expect(requests).toBeGreaterThan(SCRIPTS * 8);
  // Most are what players send, and those must not have been handed over.
  await until(async () => (await countOf(fast, 'appliance_wire_requests_total')) > requests * 0.7);
  expect(await countOf(reference, 'appliance_wire_requests_total')).toBe(0);
});

const SEGMENT_PATHS = ['/vod/t123/seg.m4s', '/vod/t124/seg.m4s', '/open/seg.m4s'];

test.each(['require', 'accept'])('signed URLs open the same on both engines (tokens: %s)', async (tokens) => {
  const inAnHour = Math.floor(Date.now() / 1000) + 3600;
  const key = new SigningKey('k1', { notAfterMs: Date.now() + 86_400_000 });
  const stranger = new SigningKey('k1', { notAfterMs: Date.now() + 86_400_000 });
  const good = key.token({ exp: inAnHour });
  const jwts = [
    [good, good, good, key.token({ exp: inAnHour + 1 }), key.token({ exp: inAnHour - 7200 })],
    [key.token({ exp: inAnHour, nbf: inAnHour }), key.token({ exp: inAnHour, jti: 'once' }), 'a.b.c', ''],
    [
      stranger.token({ exp: inAnHour }),
      key.token({ exp: inAnHour }, 'JWT', 'k2'),
      key.sign(GRANT_TYPE, { exp: inAnHour }),
    ],
  ].flat();
  const fill: Parameters<typeof EnginePair.start>[0] = (origin) => {
    fillOrigin(origin);
    const film = origin.files.get('/seg-1.m4s');
    if (film !== undefined) for (const path of SEGMENT_PATHS) origin.files.set(path, film);
  };
  const flagsOf = (): Readonly<Record<string, unknown>> => {
    const state = mkdtempSync(join(tmpdir(), 'oca-differential-'));
    dirs.push(state);
    mkdirSync(state, { recursive: true });
    writeFileSync(join(state, 'token-keys.json'), JSON.stringify({ version: 1, keys: [key.tokenKey] }));
    return { tokens, state, tokenPrefixes: ['/vod/'] };
  };
  const warm = SEGMENT_PATHS.map((path) =>
    path.startsWith('/vod/t123') ? packIntoPath(path, '/vod/t123', good) : path,
  );
  pair = await EnginePair.start(fill, flagsOf, ['/byte.bin', ...warm]);
  const { fast, reference } = pair;
  const dice = new Dice(SEED);
  const request = (): string => {
    const path = dice.of(SEGMENT_PATHS);
    const jwt = dice.of(jwts);
    const folder = path.slice(0, path.lastIndexOf('/'));
    const target = [packIntoPath(path, folder, jwt), `${path}?URISigningPackage=${jwt}&CMCD=br%3D1`, path][
      dice.below(2.2)
    ];
    const range = dice.is(0.5) ? 'Range: bytes=10-99\r\n' : '';
    return `${dice.is(0.9) ? 'GET' : 'HEAD'} ${target} HTTP/1.1\r\nHost: a.example\r\n${range}\r\n`;
  };
  const differ = pair.differ.bind(pair);
  await compareAll({ differ }, 60, () => ({
    sound: Array.from({ length: 8 }, request),
    last: [request()],
    isPipelined: false,
  }));
  await until(async () => (await countOf(fast, 'appliance_wire_requests_total')) > 100);
  for (const outcome of ['open', 'not-needed', 'grant', ...TOKEN_REFUSALS]) {
    const counter = `appliance_token_checks_total{outcome="${outcome}"}`;
    const expected = await countOf(reference, counter);
    await until(async () => (await countOf(fast, counter)) >= expected);
    expect([outcome, await countOf(fast, counter)]).toEqual([outcome, expected]);
  }
});
