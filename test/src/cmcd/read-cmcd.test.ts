import { expect, test } from 'vitest';
import { cmcdOfRequest } from '../../../src/cmcd/cmcd-of-request.ts';
import { emptyRecord } from '../../../src/cmcd/cmcd-record.ts';
import { readCmcd } from '../../../src/cmcd/read-cmcd.ts';
import { readCmcdBody } from '../../../src/cmcd/read-cmcd-body.ts';

test('CMCD-1: with any CMCD header the argument of the query is ignored', () => {
  const target = '/v/1.m4s?x=1&CMCD=br%3D100%2Csid%3D%22q%22&y=2';
  expect(cmcdOfRequest(target, {})).toBe('br=100,sid="q"');
  expect(cmcdOfRequest(target, { 'cmcd-object': 'br=200', 'cmcd-session': 'sid="h"' })).toBe('br=200,sid="h"');
  expect(cmcdOfRequest(target, { 'cmcd-status': 'bs' })).toBe('bs');
  expect(cmcdOfRequest('/v/1.m4s?xCMCD=br&b=CMCD=1', {})).toBeUndefined();
  expect(cmcdOfRequest('/CMCD=br', {})).toBeUndefined();
  expect(readCmcd(cmcdOfRequest('/a?CMCD=%zz', {}) ?? '')).toBe('malformed');
});

test('CMCD-2: unknown keys and values of the wrong type are passed over one by one, in any order', () => {
  const plain = readCmcd('bl=2000,br=3200,sid="s",su');
  expect(plain).toMatchObject({ bufferMs: 2000, bitrateKbitPerSec: 3200, sessionId: 's', urgent: true });
  expect(readCmcd('su,com.example-x=(1 "a";q),sid="s",zz=?0,br=3200,bl=2000')).toEqual(plain);
  expect(readCmcd('bl="much",br=fast,sid=5,su=1,bs="yes",mtp=?1,nor=3,d=-1,ot=("v")')).toEqual(emptyRecord());
  expect(readCmcd('')).toEqual(emptyRecord());
});

test('CMCD-4: a set of a version that is not known is ignored whole', () => {
  expect(readCmcd('br=1,v=3')).toBe('unknown-version');
  expect(readCmcd('v=99,br=1')).toBe('unknown-version');
  expect(readCmcd('v=2')).toMatchObject({ version: 2 });
  expect(readCmcd('v="3"')).toMatchObject({ version: 1 });
});

test.each([
  ['br=3200,bl=5100,mtp=25400', 'bl=(5100),br=(3200),mtp=(25400),v=2'],
  ['br=3200,bl=5100,mtp=25400', 'bl=(9000;a 5100;v),br=(128;a 3200;v),mtp=(25400),v=2'],
  ['nor="seg2.m4s"', 'nor=("seg2.m4s"),v=2'],
  ['bs,ot=v,d=4004,rtp=12000,sid="a"', 'bs,d=4004,ot=v,rtp=12000,sid="a",v=2'],
])('CMCD-5: %s of version 1 is the record of %s of version 2', (first, second) => {
  expect(readCmcd(second)).toEqual({ ...(readCmcd(first) as object), version: 2 });
});

test('a report names who delivered, what came and how long it took', () => {
  expect(
    readCmcd('br=(4000),d=4000,e=rr,rc=200,ttlb=1600,url="https://oca1.example:8443/v/1.m4s?x=1",v=2'),
  ).toMatchObject({
    event: 'rr',
    responseCode: 200,
    lastByteMs: 1600,
    host: 'oca1.example:8443',
  });
  expect(readCmcd('url="https://a.example/",h="b.example",sta=r,ec=("E1")')).toMatchObject({
    host: 'b.example',
    state: 'r',
    hasErrorCode: true,
  });
  expect(readCmcd('h=5,url="not a url"')).toMatchObject({ host: undefined });
});

test.each([
  'br=',
  '=1',
  'br=1;;',
  'br=1,',
  'br=(1',
  'br=(1"a")',
  'sid="a',
  'br=1 bl=2',
  'br=1.2.3',
  'su=?2',
  'A=1',
  ',',
  'sid="é"',
])('what is no dictionary gives no record: %s', (text) => {
  expect(readCmcd(text)).toBe('malformed');
});

test('what is too long is not read', () => {
  expect(readCmcd(`sid="${'x'.repeat(9000)}"`)).toBe('malformed');
  expect(readCmcd(`sid="${'x'.repeat(200)}"`)).toMatchObject({ sessionId: undefined });
  expect(readCmcd(`br=(${'1 '.repeat(65)})`)).toBe('malformed');
});

test('CMCD-12: records of a body are lines, with blanks and empty lines between them', () => {
  const { records, malformed, unknownVersion } = readCmcdBody('  bs,v=2 \r\n\n \t\nbl=abc def,,==;;"\nbs,v=3\nsu');
  expect(records.map(({ starved, urgent }) => [starved, urgent])).toEqual([
    [true, false],
    [false, true],
  ]);
  expect({ malformed, unknownVersion }).toEqual({ malformed: 1, unknownVersion: 1 });
  expect(readCmcdBody('su\n'.repeat(1500))).toMatchObject({ malformed: 1372 });
});
