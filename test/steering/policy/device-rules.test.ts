import { expect, test } from 'vitest';
import { shapeFor } from '../../../steering/edge/answer-shape.ts';
import { deviceClassOf } from '../../../steering/policy/device-class.ts';
import { DeviceRules } from '../../../steering/policy/device-rules.ts';
import { parsePolicy } from '../../../steering/policy/parse-policy.ts';

const rules = (...devices: object[]): DeviceRules =>
  new DeviceRules(parsePolicy(JSON.stringify({ version: 1, devices })).devices);
const query = (text = ''): URLSearchParams => new URLSearchParams(text);

test.each([
  ['Mozilla/5.0 (SMART-TV; Linux; Tizen 2.4.0) AppleWebKit/538.1', 'television'],
  ['Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36', 'television'],
  ['AppleCoreMedia/1.0.0.20G75 (iPhone; U; CPU OS 16_6 like Mac OS X; en_us)', 'apple'],
  ['MyApp/1.0 (Linux;Android 13) AndroidXMedia3/1.4.1', 'exoplayer'],
  ['Roku/DVP-12.0 (12.0.0.4182-88)', 'set-top-box'],
  ['Mozilla/5.0 (PlayStation; PlayStation 5/6.50)', 'console'],
  ['Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0', 'browser'],
  ['', 'other'],
])('%s is a %s', (userAgent, deviceClass) => {
  expect(deviceClassOf(userAgent.toLowerCase())).toBe(deviceClass);
});

test('the first rule of which everything matches counts', () => {
  const found = rules(
    { name: 'hinted', match: { query: { player: 'old' } }, answer: { maxPathways: 2 } },
    { name: 'old-tizen', match: { classes: ['television'], userAgent: ['tizen 2'] }, answer: { maxPathways: 1 } },
    { name: 'tv', match: { classes: ['television'] }, answer: { steering: 'url' } },
  );
  expect(found.find('x Tizen 2.4', query())?.name).toBe('old-tizen');
  expect(found.find('x Tizen 7', query())?.name).toBe('tv');
  expect(found.find('x Tizen 7', query('player=old'))?.name).toBe('hinted');
  expect(found.find('x Tizen 7', query('player=new'))?.name).toBe('tv');
  expect(found.find(undefined, query())).toBeUndefined();
});

test('a flood of User-Agents is answered rightly and forgotten', () => {
  const found = rules({ name: 'tv', match: { classes: ['television'] }, answer: { steering: 'url' } });
  for (let index = 0; index < 10_000; index += 1) expect(found.find(`agent ${index}`, query())).toBeUndefined();
  expect(found.find('Tizen', query())?.name).toBe('tv');
});

test("a player's own wish goes before the rule for its device", () => {
  const rule = rules({
    name: 'tv',
    match: { query: {} },
    answer: { steering: 'url', maxPathways: 2, clones: false, ttlFactor: 3 },
  }).find('', query());
  expect(shapeFor(query(), rule)).toEqual({
    isSingle: false,
    byUrl: true,
    maxAppliances: 2,
    mayHaveClones: false,
    ttlFactor: 3,
  });
  expect(shapeFor(query('steering=data'), rule).byUrl).toBe(false);
  expect(shapeFor(query('pathways=1'), rule).isSingle).toBe(true);
  expect(shapeFor(query(), undefined)).toEqual({
    isSingle: false,
    byUrl: false,
    maxAppliances: 7,
    mayHaveClones: true,
    ttlFactor: 1,
  });
});
