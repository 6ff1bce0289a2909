import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseCmcd } from '../../../steering/quality/parse-cmcd.ts';
import { QualitySketches } from '../../../steering/quality/quality-sketches.ts';
import { FakeWorld } from '../../support/fake-world.ts';

const one = (line: string) => parseCmcd(line).records[0];

test('records of version 1 and 2 tell the same', () => {
  expect(one('bs,mtp=48100,sid="s",h="oca1.example"')).toEqual({
    host: 'oca1.example',
    stalled: true,
    failed: false,
    throughputKbitPerSec: 48_100,
  });
  expect(one('bs,e=ps,mtp=(48100),sid="s",url="https://oca1.example/v/1.m4s?x=1",v=2')).toEqual({
    host: 'oca1.example',
    stalled: true,
    failed: false,
    throughputKbitPerSec: 48_100,
  });
});

test('rebuffering and errors are told by state, event or code', () => {
  expect(one('e=ps,sta=r,v=2')?.stalled).toBe(true);
  expect(one('e=ps,sta=p,v=2')?.stalled).toBe(false);
  expect(one('e=e,ec=("2001"),v=2')?.failed).toBe(true);
  expect(one('sta=f,v=2')?.failed).toBe(true);
});

test('values of the wrong type are as if absent, key by key', () => {
  expect(one('bs="yes",mtp="fast",h=5,url="not a url",v=2')).toEqual({
    host: undefined,
    stalled: false,
    failed: false,
    throughputKbitPerSec: undefined,
  });
});

test('lines that are no dictionary and versions from the future are counted and left out', () => {
  const { records, malformed } = parseCmcd('bs,v=2\n\n  \nbl=abc def,,==;;"\nbs,v=3\r\nbs\r\n');
  expect(records).toHaveLength(2);
  expect(malformed).toBe(2);
});

test('nothing can make it fail', () => {
  const line = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('mtp=(', 'v=', '"', 'a=1;b', 'mtp=(1 2);v=2'));
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      const body = lines.join('\n');
      const { records, malformed } = parseCmcd(body);
      expect(records.length + malformed).toBeLessThanOrEqual(body.split('\n').length);
    }),
    { numRuns: 3000 },
  );
});

test('a sketch holds sums per appliance and nothing of a viewer', () => {
  const sketches = new QualitySketches(new FakeWorld().clock);
  for (const record of parseCmcd('bs,mtp=1000,sid="secret"\nmtp=(3000),e=e,v=2').records) sketches.note('oca1', record);
  sketches.noteThroughput('oca1', 5_000_000);
  expect(sketches.sketches()).toEqual([
    {
      version: 1,
      applianceId: 'oca1',
      sinceMs: Date.UTC(2030, 0, 7, 1, 30),
      records: 2,
      stalledRecords: 1,
      errorRecords: 1,
      throughputKbitPerSec: { count: 3, sum: 9000 },
    },
  ]);
});
