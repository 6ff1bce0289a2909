import { expect, test } from 'vitest';
import { DecisionBatch } from '../../../steering/decision-log/decision-batch.ts';
import { decisionsOf, type LoggedDecision } from '../../../steering/decision-log/logged-decision.ts';

const decision = (id: string, titleId = 'bars'): LoggedDecision => ({ ...({} as LoggedDecision), id, titleId });
const read = (batch: DecisionBatch): readonly LoggedDecision[] =>
  decisionsOf(JSON.parse(batch.document().toString('utf8')) as unknown);

test('a batch is the document of all that was added, in order, also where it outgrows its memory', () => {
  const batch = new DecisionBatch();
  const added = Array.from({ length: 40 }, (_, index) => decision(String(index), 'é€𝄞'.repeat(30_000)));
  for (const one of added) batch.add(one);
  expect(batch.count).toBe(40);
  expect(read(batch)).toEqual(added);
});

test('a batch that was cleared knows nothing of what it held', () => {
  const batch = new DecisionBatch();
  batch.add(decision('a', 'x'.repeat(1000)));
  batch.document();
  batch.clear();
  expect([batch.count, read(batch)]).toEqual([0, []]);
  batch.add(decision('b'));
  expect(read(batch)).toEqual([decision('b')]);
});
