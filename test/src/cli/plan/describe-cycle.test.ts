import { expect, test } from 'vitest';
import { type CycleAnswer, describeCycle } from '../../../../src/cli/plan/describe-cycle.ts';

const appliance = {
  applianceId: 'a1',
  planVersion: 1,
  outcome: 'new',
  renditionCount: 0,
  fileCount: 0,
  planBytes: 0,
};
const cycle: CycleAnswer = {
  catalogueVersion: 8,
  fleetVersion: 1,
  appliances: [appliance],
  leftOut: {},
  notHeld: { 'not-worth-fetching': 31 },
  hasDemand: false,
  published: { c1: { kind: 'publish', because: 'passed the guard rails' } },
};

test('an empty plan without demand says why it is empty and what fills it', () => {
  const text = describeCycle(cycle);
  expect(text).toContain('  31 renditions not worth fetching: a fill costs more than it saves\n');
  expect(text).toContain('No appliance has told of viewers yet');
  expect(text).toContain('  oca calendar pin TITLE ');
  expect(text).toContain('--min-saved-per-filled 0');
  for (const width of [80, 120])
    for (const line of describeCycle(cycle, width).split('\n')) expect(line.length).toBeLessThanOrEqual(width);
});

test('where viewers are heard of, what is not held is counted and no more is said', () => {
  const text = describeCycle({ ...cycle, hasDemand: true, notHeld: { 'not-worth-fetching': 1, wear: 2, kept: 9 } });
  expect(text).toContain('  1 rendition not worth fetching');
  expect(text).toContain('  2 renditions waiting: the disks have been written enough for a day\n');
  expect(text).not.toContain('9 renditions');
  expect(text).not.toContain('No appliance has told');
});

test('what is kept, left out and taken back is told once', () => {
  const text = describeCycle({
    ...cycle,
    hasDemand: true,
    notHeld: {},
    leftOut: { c2: ['t/v1'] },
    returned: 'the good plans are in force again',
    published: {
      c1: { kind: 'keep', because: 'the good plans are in force again' },
      c2: { kind: 'keep', because: 'drops 40 % of what the cluster holds' },
    },
  });
  expect(text.match(/in force again/g)).toHaveLength(1);
  expect(text).toContain('cluster c2 keeps its plan: drops 40 % of what the cluster holds\n');
  expect(text).toContain('cluster c2 has no room for 1 rendition\n');
  expect(text).not.toContain('not held');
});

test('a fleet without appliances says what to do', () => {
  expect(describeCycle({ ...cycle, appliances: [] })).toContain("'oca fleet set --help'");
});
