import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { findIn, placesOf, withFolder } from './fake-tree.ts';
import { formatFinding } from './finding.ts';
import { checkFileLength, checkParses } from './rules/file-length.ts';
import { checkFileNames } from './rules/file-names.ts';
import { checkMachinePaths } from './rules/machine-paths.ts';
import { checkProcessExit } from './rules/process-exit.ts';
import { checkSkippedTests } from './rules/skipped-tests.ts';
import { checkSwitchedOffChecks } from './rules/switched-off-checks.ts';
import { readSourceTree } from './source-tree.ts';

describe('file-names', () => {
  it('finds barrels, drawers and names that are not in kebab-case', async () => {
    const findings = await findIn(checkFileNames, {
      'src/http/index.ts': '',
      'src/utils/a.ts': '',
      'appliance/common.ts': '',
      'deploy/shared/readme.txt': '',
      'src/http/byteRange.ts': '',
      'src/http/Etag.ts': '',
      'src/http/byte_range.ts': '',
      'fill-planner/Plan/plan-fleet.ts': '',
    });
    expect(placesOf(findings).toSorted()).toEqual([
      'appliance/common.ts:1',
      'deploy/shared/readme.txt:1',
      'fill-planner/Plan/plan-fleet.ts:1',
      'src/http/Etag.ts:1',
      'src/http/byteRange.ts:1',
      'src/http/byte_range.ts:1',
      'src/http/index.ts:1',
      'src/utils/a.ts:1',
    ]);
  });

  it('takes the endings of tests and configurations, and leaves files that are not code alone', async () => {
    const names = [
      'test/a/byte-range.property.test.ts',
      'test/vitest.config.ts',
      'src/a/types.d.ts',
      'README.md',
      'LICENSE',
    ];
    expect(await findIn(checkFileNames, Object.fromEntries(names.map((name) => [name, ''])))).toEqual([]);
  });
});

describe('file-length', () => {
  it('takes 400 lines and not one more', async () => {
    const findings = await findIn(checkFileLength, {
      'src/a/fits.ts': '//\n'.repeat(400),
      'src/a/too-long.ts': '//\n'.repeat(401),
      'test/a/too-long.test.ts': `${'//\n'.repeat(400)}//`,
      'bench/results/data.json': '1\n'.repeat(500),
    });
    expect(placesOf(findings)).toEqual(['src/a/too-long.ts:401', 'test/a/too-long.test.ts:401']);
  });
});

describe('parses', () => {
  it('names a file that the other rules could not look into', async () => {
    const findings = await findIn(checkParses, {
      'src/a/bad.ts': 'const x: = 3',
      'src/a/good.ts': 'const x: number = 3;',
    });
    expect(placesOf(findings)).toEqual(['src/a/bad.ts:1']);
  });
});

describe('process-exit', () => {
  it('finds every way to end the process outside run-service and the command line', async () => {
    const findings = await findIn(checkProcessExit, {
      'appliance/a.ts': "export const a = 1;\nprocess.exit(1);\nglobalThis.process?.['exit']();\nprocess.abort();",
      'steering/b.ts': "import { exit } from 'node:process';",
      'src/lifecycle/health.ts': 'const leave = process.exit;',
      'src/lifecycle/run-service.ts': 'process.exit(0);',
      'src/cli/main.ts': 'process.exit(0);',
      'bench/main.ts': 'process.exit(0);',
      'test/a.ts': 'process.exit(0);',
      'fill-planner/c.ts': "process.exitCode = 1;\n// process.exit(1)\nconst text = 'process.exit(1)';",
    });
    expect(placesOf(findings)).toEqual([
      'appliance/a.ts:2',
      'appliance/a.ts:3',
      'appliance/a.ts:4',
      'src/lifecycle/health.ts:1',
      'steering/b.ts:1',
    ]);
  });
});

describe('machine-paths', () => {
  // Put together here, so that this file does not hold what it looks for.
  const examples = [
    `/${'work'}/main`,
    `/${'farm'}/x`,
    `/${'root'}/.cache`,
    `../.${'library'}/a`,
    `${'registry'}.npmjs.org`,
    `${'deb'}.debian.org`,
  ];

  it.each(examples)('finds %s in a file of any kind', async (example) => {
    const findings = await findIn(checkMachinePaths, { 'deploy/notes.md': `first line\nsee ${example} there\n` });
    expect(placesOf(findings)).toEqual(['deploy/notes.md:2']);
  });

  it('reads no bytes that are not text', async () => {
    expect(await findIn(checkMachinePaths, { 'deploy/demo/a.mp4': `\0${examples.join('\n')}` })).toEqual([]);
  });

  it('takes the folders that any system has', async () => {
    const text = 'https://example.org/framework/main /var/lib/oca /usr/sbin/nginx debian.org\n';
    expect(await findIn(checkMachinePaths, { 'deploy/notes.md': text })).toEqual([]);
  });
});

describe('skipped-tests', () => {
  it.each([
    "it.skip('x', () => {});",
    "test.todo('x');",
    "describe.skipIf(process.platform !== 'linux')('x', () => {});",
    "it.runIf(true)('x', () => {});",
    "it.fails('x', () => {});",
    "it.each([1]).skip('x', () => {});",
    "it.concurrent.skip('x', () => {});",
    "xit('x', () => {});",
    "it('x', { skip: true }, () => {});",
    "it('x', (context) => context.skip());",
    "it('x', ({ skip }) => skip());",
  ])('wants a reason for `%s`', async (statement) => {
    const filePath = 'test/a.test.ts';
    expect(placesOf(await findIn(checkSkippedTests, { [filePath]: `\n${statement}` }))).toEqual([`${filePath}:2`]);
    const reasons = ['// There is no tc in containers without CAP_NET_ADMIN.', '/* Needs a kernel with io_uring. */'];
    for (const reason of reasons) {
      expect(await findIn(checkSkippedTests, { [filePath]: `${reason}\n${statement}` })).toEqual([]);
    }
    const noReason = '// oxlint-disable-next-line vitest/no-disabled-tests';
    expect(await findIn(checkSkippedTests, { [filePath]: `${noReason}\n${statement}` })).toHaveLength(1);
  });

  it.each(["it.only('x', () => {});", "fdescribe('x', () => {});", "it('x', { only: true }, () => {});"])(
    'takes no reason at all for `%s`',
    async (statement) => {
      const text = `// I am working on this one.\n${statement}`;
      expect(placesOf(await findIn(checkSkippedTests, { 'test/a.test.ts': text }))).toEqual(['test/a.test.ts:2']);
    },
  );

  it('leaves tests that run, and other things called skip, alone', async () => {
    const text = "it('skips what it holds', () => { reader.skipTo(4); list.only; });\nit.each([1])('%s', () => {});";
    expect(await findIn(checkSkippedTests, { 'test/a.test.ts': text })).toEqual([]);
  });
});

describe('switched-off-checks', () => {
  it('wants the reason on the same line, and takes none for @ts-ignore', async () => {
    const findings = await findIn(checkSwitchedOffChecks, {
      'src/a/a.ts': [
        '// oxlint-disable-next-line no-console',
        '// oxlint-disable-next-line no-console -- the terminal is the product here',
        '// biome-ignore format: the table reads better in columns',
        '// biome-ignore format:',
        '// @ts-expect-error the types of the package forget this option',
        '// @ts-expect-error',
        '// @ts-ignore because the compiler is wrong about this',
        '/* eslint-disable */',
        "export const text = '// oxlint-disable-next-line';",
      ].join('\n'),
    });
    expect(placesOf(findings)).toEqual([1, 4, 6, 7, 8].map((line) => `src/a/a.ts:${line}`));
  });
});

describe('the tree that the rules see', () => {
  it('is what git has or would take: no ignored files, no deleted ones, new ones too', async () => {
    const files = { '.gitignore': '*.log\n', 'a.log': '', 'src/kept.ts': '', 'src/deleted.ts': '' };
    const paths = await withFolder(files, (root) => {
      const git = (...args: string[]) => execFileSync('git', args, { cwd: root, stdio: 'pipe' });
      git('init', '--quiet');
      git('add', '--all');
      execFileSync('sh', ['-c', 'rm src/deleted.ts && touch src/new.ts'], { cwd: root });
      return [...readSourceTree(root).paths];
    });
    expect(paths).toEqual(['.gitignore', 'src/kept.ts', 'src/new.ts']);
  });

  it('is read without git as well, and never holds node_modules', async () => {
    const files = { 'src/a.ts': '', 'node_modules/x/a.ts': '', 'b.md': '', '.git/HEAD': 'broken' };
    expect(await withFolder(files, (root) => [...readSourceTree(root).paths])).toEqual(['b.md', 'src/a.ts']);
  });
});

describe('a finding', () => {
  it('reads as place, rule, what is wrong and the way out', () => {
    const finding = { file: 'src/a.ts', line: 3, rule: 'pure', says: 'uses a clock', fix: 'take the time' };
    expect(formatFinding(finding)).toBe('src/a.ts:3  pure: uses a clock\n    fix: take the time');
  });
});
