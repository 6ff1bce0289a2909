import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentLogger } from '../../../src/telemetry/logger.ts';
import { Metrics } from '../../../src/telemetry/metrics.ts';
import { DecisionRecords, type MadeDecision } from '../../../steering/accounting/decision-records.ts';
import { FakeWorld } from '../../support/fake-world.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'oca-records-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const open = (metrics: Metrics): DecisionRecords =>
  new DecisionRecords({
    config: { state: folder, decisionLogBytes: 0, decisionLogPerSec: 1 },
    world: new FakeWorld(),
    logger: silentLogger,
    metrics,
  });

test('a fault in a record, and more than can wait, are counted and never thrown at the answer', async () => {
  const metrics = new Metrics('steering');
  const records = open(metrics);
  // Nothing that a record needs is there.
  const broken = { sessionId: 's', playing: [] } as unknown as MadeDecision;
  expect(() => records.note(broken)).not.toThrow();
  await new Promise((resolve) => setImmediate(resolve));
  expect(await metrics.expose()).toContain('steering_unrecorded_decisions_total 1');
  for (let count = 0; count < 10_005; count += 1) records.note(broken);
  expect(await metrics.expose()).toContain('steering_unrecorded_decisions_total 6');
});
