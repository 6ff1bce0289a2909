import { expect, test } from 'vitest';
import { EdgeChain } from '../../../steering/edge/edge-chain.ts';
import type { EdgeFilter, EdgeQuestion, EdgeVerdict } from '../../../steering/edge/edge-question.ts';
import { DEFAULT_POLICY } from '../../../steering/ranking/policy-facts.ts';

const QUESTION: EdgeQuestion = {
  work: 'running',
  sessionId: 's',
  titleId: 't',
  target: '/v1/steering/hls',
  query: new URLSearchParams(),
  socketAddress: '192.0.2.1',
  headers: {},
  clientAddress: '',
  device: undefined,
  seat: undefined,
  policy: DEFAULT_POLICY,
};
const filter = (
  name: string,
  apply: (question: EdgeQuestion) => EdgeQuestion | EdgeVerdict,
  shapes = false,
): EdgeFilter => ({ name, does: name, shapes, apply });

test('filters add to the question in their order, and what each did is counted', () => {
  const chain = new EdgeChain([
    filter('first', (question) => ({ ...question, clientAddress: 'a' })),
    filter('second', (question) => ({ ...question, clientAddress: `${question.clientAddress}b` })),
    filter('third', (question) => question),
  ]);
  const { question, verdict } = chain.pass(QUESTION);
  expect(question.clientAddress).toBe('ab');
  expect(verdict).toBeUndefined();
  expect(chain.reports().map(({ name, asked, changed }) => [name, asked, changed])).toEqual([
    ['first', 1, 1],
    ['second', 1, 1],
    ['third', 1, 0],
  ]);
});

test('the first verdict counts, and what shapes the answer is still asked', () => {
  const chain = new EdgeChain([
    filter('limit', () => 'address-busy'),
    filter('device', (question) => ({ ...question, sessionId: 'shaped' }), true),
    filter('cohort', () => {
      throw new Error('is not asked');
    }),
    filter('late', () => 'service-busy', true),
  ]);
  const { question, verdict } = chain.pass(QUESTION);
  expect(verdict).toBe('address-busy');
  expect(question.sessionId).toBe('shaped');
  expect(chain.reports().map(({ verdicts }) => verdicts)).toEqual([
    { 'address-busy': 1 },
    {},
    {},
    { 'service-busy': 1 },
  ]);
});
