import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describePolicy, policyCommand } from '../../../src/cli/policy-command.ts';
import { checkPolicyText } from '../../../steering/policy/check-policy.ts';

const MAIN = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url));
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'oca-policy-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function check(text: string): { code: number | null; output: string } {
  const file = join(folder, 'policy.json');
  writeFileSync(file, text);
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, 'policy', 'check', file], { encoding: 'utf8' });
  return { code: status, output: stdout + stderr };
}

test('what stands out is named with its remedy, what is wrong with its place, and what is right says so', () => {
  expect(check('{"version": 1}')).toEqual({
    code: 0,
    output: expect.stringMatching(/^policy \w+: 0 rules .*, 0 cohorts\n$/),
  });
  const vague = check('{"version": 1, "devices": [{"name": "tv", "match": {}, "answer": {"ttlFactor": 2}}]}');
  expect(vague.code).toBe(1);
  expect(vague.output).toContain('devices.tv matches every device\n  to mend it: name classes, userAgent or query');
  const wrong = check('{"version": 1, "cohorts": [{"name": "c"}]}');
  expect(wrong.code).toBe(1);
  expect(wrong.output).toContain('cohorts.0.salt');
});

test('the example of the help can be used as it stands', () => {
  let help = '';
  policyCommand()
    .configureOutput({ writeOut: (text) => (help += text) })
    .outputHelp();
  const example = help.slice(help.indexOf('{\n'), help.lastIndexOf('\n}') + 2);
  expect(checkPolicyText(example)).toMatchObject({ devices: 2, cohorts: 1, warnings: [] });
});

test('a cohort is shown with its outcomes, and why it was rolled back', () => {
  const text = describePolicy({
    version: 'abc',
    changes: 2,
    devices: [{ name: 'old-televisions' }],
    cohorts: [
      {
        name: 'canary',
        share: 0.05,
        controlShare: 0.05,
        facts: { variant: 'new' },
        rolledBack: { atMs: Date.UTC(2030, 0, 1), by: 'outcomes', because: '40 sessions against 5' },
        outcomes: [
          { outcome: 'stalled', cohortSessions: 40, controlSessions: 5, evidence: 301.25 },
          { outcome: 'failed', cohortSessions: 1, controlSessions: 1, evidence: 1 },
        ],
      },
    ],
    warnings: [{ where: 'cohorts.canary', says: 'is odd', fix: 'do this' }],
  });
  expect(text).toContain('policy abc, taken 2 times since the start; rules for old-televisions');
  expect(text).toMatch(/canary +5 % +5 % +new +ROLLED BACK +stalled +40 +5 +301\.3/);
  expect(text).toMatch(/canary was rolled back at .* by outcomes: 40 sessions against 5/);
  expect(text).toContain('cohorts.canary is odd\n  to mend it: do this');
  expect(describePolicy({ version: 'none', changes: 0, devices: [], cohorts: [], warnings: [] })).toMatch(/^no policy/);
});
