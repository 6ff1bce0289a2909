import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PlanFile } from '../../../../../appliance/fill/planned/plan-file.ts';
import { PlanTaker } from '../../../../../appliance/fill/planned/taking/plan-taker.ts';
import type { TakenPlan } from '../../../../../appliance/fill/planned/taking/taken-plan.ts';
import { type Identity, loadOrCreateIdentity } from '../../../../../src/signing/identity.ts';
import { originSource, samplePlan } from '../../../../support/sample-plan.ts';

let dir: string;
let planner: Identity;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'oca-plan-taker-'));
  planner = loadOrCreateIdentity('planner', join(dir, 'planner.pem'));
});
afterEach(() => rm(dir, { recursive: true }));

const question = () => ({ applianceId: 'a1', publicKey: planner.publicKey, inForce: undefined });

function planOf(files: number) {
  return samplePlan(
    planner,
    Array.from({ length: files }, (_, index) => ({
      path: `/film/v${index}.mp4`,
      sizeBytes: 1000 + index,
      root: index.toString(16).padStart(64, '0'),
      rendition: 0,
      priority: index,
      reason: 'wanted',
      expectedBytes: index,
      sources: [originSource],
    })),
  );
}

/** As it comes from a socket: in pieces, cut anywhere. */
async function* inPieces(text: string): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += 16_001) {
    await Promise.resolve();
    yield bytes.subarray(at, at + 16_001);
  }
}

describe.each([
  ['on the event loop', Number.POSITIVE_INFINITY],
  ['in a thread', 0],
])('a plan that is taken %s', (_where, smallBytes) => {
  const taker = (): PlanTaker => new PlanTaker(new PlanFile(dir), smallBytes);

  it('is the one that was sent, with its files in their order; kept, it is there after a restart as it was received', async () => {
    const plan = planOf(1100);
    const text = JSON.stringify({ ...plan, news: 'unknown' });
    const signed = JSON.stringify(plan);
    {
      await using taken = await taker().take(inPieces(signed), question());
      expect(taken.verdict).toEqual({ kind: 'take', plan, goesBack: false });
      await taken.keep('"tag"');
    }
    await using kept = await taker().takeKept(question());
    expect(kept?.verdict).toEqual({ kind: 'take', plan, goesBack: false });
    expect(kept?.etag).toBe('"tag"');
    // A member that this version does not know is under the signature too.
    await using forged = await taker().take(inPieces(text), question());
    expect(forged.verdict).toMatchObject({ kind: 'refuse' });
  });

  it('is refused, with the reason, or is the one in force', async () => {
    const plan = planOf(3);
    await using stale = await taker().take(inPieces(JSON.stringify(plan)), {
      ...question(),
      inForce: { planVersion: plan.planVersion + 1, createdAtMs: plan.createdAtMs + 1 },
    });
    expect(stale.verdict).toMatchObject({ kind: 'refuse', reason: expect.stringContaining('was made before') });
    await using same = await taker().take(inPieces(JSON.stringify(plan)), { ...question(), inForce: plan });
    expect(same.verdict).toEqual({ kind: 'have' });
  });

  it('fails as what it is: no JSON, a body that breaks off, a disk that takes nothing, a file that is torn', async () => {
    await expect(taker().take(inPieces('{"version":1,'), question())).rejects.toMatchObject({
      code: 'SERVICE_PROTOCOL',
    });
    const brokenOff = async function* (): AsyncGenerator<Buffer> {
      yield* inPieces('{"version":1,');
      throw new Error('reset');
    };
    await expect(taker().take(brokenOff(), question())).rejects.toThrow('reset');
    await mkdir(join(dir, 'plan.json.new'));
    await using taken = await taker().take(inPieces(JSON.stringify(planOf(1))), question());
    await expect(taken.keep(undefined)).rejects.toMatchObject({ code: 'VOLUME_IO' });
    await writeFile(join(dir, 'plan.json'), '{"version":1,"pl');
    await expect(taker().takeKept(question())).rejects.toMatchObject({ code: 'STATE_CORRUPT' });
  });

  it('is none where none is kept', async () => {
    expect(await taker().takeKept(question())).toBeUndefined();
  });
});

it('a large plan comes a lot at a time, and the event loop turns between any two of them', async () => {
  const plan = planOf(2600);
  const text = JSON.stringify(plan);
  let turns = 0;
  let isOver = false;
  const turn = (): void => {
    turns += 1;
    if (!isOver) setImmediate(turn);
  };
  const taking: Promise<TakenPlan> = new PlanTaker(new PlanFile(dir)).take(inPieces(text), question());
  turn();
  await using taken = await taking;
  isOver = true;
  expect(taken.verdict).toMatchObject({ kind: 'take' });
  // 250 files in a lot.
  expect(turns).toBeGreaterThan(10);
  await taken.keep(undefined);
  expect(await readFile(join(dir, 'plan.json'), 'utf8')).toBe(`{"version":1,"plan":${text}}`);
});
