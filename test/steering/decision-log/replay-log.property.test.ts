import { mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { DecisionBatch } from '../../../steering/decision-log/decision-batch.ts';
import { encodeFrame } from '../../../steering/decision-log/log-frames.ts';
import type { LoggedDecision } from '../../../steering/decision-log/logged-decision.ts';
import { replayLog } from '../../../steering/decision-log/replay-log.ts';
import type { Candidate } from '../../../steering/ranking/candidate.ts';
import { rankAppliances } from '../../../steering/ranking/rank-appliances.ts';
import type { SessionFacts } from '../../../steering/ranking/session-facts.ts';
import { fleets, sessions } from '../arbitraries.ts';

let folder = mkdtempSync(join(tmpdir(), 'oca-replay-'));
afterEach(() => {
  rmSync(folder, { recursive: true });
  folder = mkdtempSync(join(tmpdir(), 'oca-replay-'));
});

const decided = (candidates: readonly Candidate[], session: SessionFacts, index: number): LoggedDecision => ({
  id: `p-${index}`,
  atMs: index,
  shape: 'hls',
  titleId: session.titleId,
  sessionId: session.sessionId,
  client: { prefix: undefined, siteId: session.siteId, evidence: 'route', group: 'g', network: session.network },
  versions: { catalogue: '1', routes: '1', sites: 'none', shares: 'none', quality: 'none' },
  session,
  candidates,
  ranked: rankAppliances(candidates, session).ranked.map(({ candidate }) => candidate.member.id),
});

async function writeLog(name: string, decisions: readonly LoggedDecision[]): Promise<string> {
  const file = join(folder, name);
  const batch = new DecisionBatch();
  for (const decision of decisions) batch.add(decision);
  writeFileSync(file, await encodeFrame(batch.document()), { flag: 'a' });
  return file;
}

test('whatever the decisions were made from, a log of them comes out the same, with each score to the bit', async () => {
  let round = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fleets, sessions), { minLength: 1, maxLength: 6 }), async (questions) => {
      const decisions = questions.map(([candidates, session], index) => decided(candidates, session, index));
      round += 1;
      const file = await writeLog(`decisions-${round}.ocdl`, decisions);
      const read: LoggedDecision[] = [];
      const tally = await replayLog(file, (decision) => read.push(decision));
      expect(tally).toMatchObject({ decisions: decisions.length, differing: 0, torn: [] });
      for (const [index, decision] of read.entries()) {
        const [candidates, session] = questions[index] ?? [[], decision.session];
        expect(scoresOf(decision.candidates, decision.session)).toEqual(scoresOf(candidates, session));
      }
    }),
    { numRuns: 100 },
  );
});

const scoresOf = (candidates: readonly Candidate[], session: SessionFacts): object[] =>
  rankAppliances(candidates, session).ranked.map(({ candidate, score, reasons }) => ({
    id: candidate.member.id,
    score,
    reasons,
  }));

test('a decision that comes out otherwise is told with both orders; a torn end is told with its place', async () => {
  const [[candidates, session] = [[], undefined]] = fc
    .sample(fc.tuple(fleets, sessions), { numRuns: 200, seed: 7 })
    .filter(([fleet, one]) => rankAppliances(fleet, one).ranked.length > 1);
  if (session === undefined) throw new Error('no fleet with two places among the samples');
  const right = decided(candidates, session, 1);
  const file = await writeLog('decisions-a.ocdl', [
    right,
    { ...right, id: 'p-2', ranked: [...right.ranked].reverse() },
  ]);
  const whole = statSync(file).size;
  await writeLog('decisions-a.ocdl', [{ ...right, id: 'p-3' }]);
  truncateSync(file, statSync(file).size - 1);
  const differing: Array<{ id: string; now: readonly string[] }> = [];
  const tally = await replayLog(folder, ({ id }, difference) => {
    if (difference !== undefined) differing.push({ id, now: difference.now });
  });
  expect(differing).toEqual([{ id: 'p-2', now: right.ranked }]);
  expect(tally).toMatchObject({ files: 1, decisions: 2, differing: 1, firstPlaceDiffers: 1 });
  expect(tally.torn).toMatchObject([{ file, offset: whole }]);
});

test('where there is no log the way to one is told', async () => {
  await expect(replayLog(join(folder, 'nothing'), () => undefined)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  await expect(replayLog(folder, () => undefined)).rejects.toThrow("the folder 'decisions' of its state");
});
