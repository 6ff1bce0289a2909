import { expect, test } from 'vitest';
import { checkPolicy } from '../../../steering/policy/check-policy.ts';
import { parsePolicy } from '../../../steering/policy/parse-policy.ts';

const policy = (changes: object): string => JSON.stringify({ version: 1, ...changes });
const canary = {
  name: 'canary',
  salt: 'spring',
  share: 0.05,
  variant: 'new',
};
const variants = {
  new: { software: { version: '1.1.0', rule: 'prefer' } },
  old: { software: { version: '1.1.0', rule: 'avoid' } },
};

test('a cohort is read with its variant, and its control is as large as it is', () => {
  const { cohorts, everybody } = parsePolicy(policy({ variants, everybody: 'old', cohorts: [canary] }));
  expect(cohorts[0]).toMatchObject({
    name: 'canary',
    share: 0.05,
    controlShare: 0.05,
    facts: { variant: 'new', yieldSlope: 1, software: { version: '1.1.0', rule: 'prefer' } },
    rollBack: { falseAlarms: 0.01, tolerance: 0.25 },
  });
  expect(everybody).toMatchObject({ variant: 'old', software: { rule: 'avoid' } });
});

test.each([
  ['no JSON', '{', /JSON/],
  ['a misspelt field', policy({ cohort: [] }), /cohort/],
  ['an unknown variant', policy({ cohorts: [canary] }), "cohorts.canary.variant: there is no variant 'new'"],
  [
    'a name that stands there twice',
    policy({ variants, cohorts: [canary, canary] }),
    "cohorts: 'canary' stands there twice",
  ],
  [
    'more than all sessions',
    policy({ variants, cohorts: [{ ...canary, share: 0.7, controlShare: 0.4 }] }),
    'more than all sessions together',
  ],
  [
    'a prefix that is none',
    policy({ variants, cohorts: [{ ...canary, match: { prefixes: ['10.0.0.0'] } }] }),
    "'10.0.0.0' is not ADDRESS/LENGTH",
  ],
  [
    'a class that is none',
    policy({ devices: [{ name: 'x', match: { classes: ['toaster'] }, answer: {} }] }),
    /devices\.0\.match\.classes\.0/,
  ],
])('%s is refused by name', (_what, text, message) => {
  expect(() => parsePolicy(text)).toThrow(message);
});

test('what is hardly meant is named with what to write instead', () => {
  const devices = [
    { name: 'everything', match: {}, answer: { ttlFactor: 2 } },
    { name: 'nothing', match: { classes: ['television'] }, answer: {} },
    { name: 'both', match: { classes: ['television'] }, answer: { maxPathways: 1, steering: 'url' } },
  ];
  const cohorts = [
    { ...canary, share: 0.6 },
    { ...canary, name: 'same-salt' },
    { ...canary, name: 'all', salt: 'b', share: 1 },
    { ...canary, name: 'late', salt: 'c', share: 0 },
  ];
  const warnings = checkPolicy(parsePolicy(policy({ variants, devices, cohorts })));
  expect(warnings.map(({ where, says }) => `${where} ${says}`)).toEqual([
    'devices.everything matches every device',
    'devices.nothing changes nothing',
    "devices.nothing is never reached: 'everything' before it matches every device, and the first match counts",
    'devices.both wants steering where there is one pathway to steer to',
    "devices.both is never reached: 'everything' before it matches every device, and the first match counts",
    'cohorts.canary everybody else may be sent to version 1.1.0 as well',
    'cohorts.canary more than half of the sessions try version 1.1.0',
    'cohorts.same-salt everybody else may be sent to version 1.1.0 as well',
    "cohorts.same-salt draws by the same salt as 'canary', which has taken those sessions already",
    'cohorts.all takes every session, so there is nothing to compare it with and it is never rolled back by itself',
    'cohorts.all everybody else may be sent to version 1.1.0 as well',
    'cohorts.all more than half of the sessions try version 1.1.0',
    'cohorts.late takes no session',
    'cohorts.late everybody else may be sent to version 1.1.0 as well',
    "cohorts.late is never reached: 'all' takes every session",
  ]);
  for (const { fix } of warnings) expect(fix).not.toBe('');
});

test('a canary whose version everybody else avoids is what is meant', () => {
  expect(checkPolicy(parsePolicy(policy({ variants, everybody: 'old', cohorts: [canary] })))).toEqual([]);
});
