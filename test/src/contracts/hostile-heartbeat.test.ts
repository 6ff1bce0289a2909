import { expect, test } from 'vitest';
import { ContractError } from '../../../src/contracts/contract.ts';
import { parseHeartbeat } from '../../../src/contracts/heartbeat.ts';
import { heartbeat } from '../../steering/samples.ts';

/** What one enrolled appliance could say that would break answers for everybody. */
const CAPACITY = heartbeat('a').capacity;

test.each([
  'http://a.example#',
  'http://a.example?',
  'http://пример.example',
  'http://a.example/é',
  'http:a.example',
  'http:///a.example',
  'javascript:alert(1)',
  'http://a.example"',
  'http://a.example\n#EXT-X-ENDLIST',
])('no appliance is reached by %j', (publicUrl) => {
  expect(() => parseHeartbeat(heartbeat('a', { publicUrl }))).toThrow(ContractError);
});

test.each([
  'http://a.example',
  'HTTPS://A.example:8443/base',
  'http://[2001:db8::1]:80',
  'http://xn--e1afmkfd.example',
])('%j is as good as ever', (publicUrl) => {
  expect(parseHeartbeat(heartbeat('a', { publicUrl })).publicUrl).toBe(publicUrl);
});

test.each([1e308, 1e16, 5e-324, 0])('no appliance has room for %d bit/s', (softEgressBitsPerSec) => {
  expect(() => parseHeartbeat(heartbeat('a', { capacity: { ...CAPACITY, softEgressBitsPerSec } }))).toThrow(
    'softEgressBitsPerSec',
  );
});
