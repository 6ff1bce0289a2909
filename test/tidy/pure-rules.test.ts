import { describe, expect, it } from 'vitest';
import { findIn, placesOf } from './fake-tree.ts';
import { purePaths } from './layout.ts';
import { checkPure, checkPureList } from './rules/pure.ts';

const everyPurePath = Object.fromEntries(
  purePaths.map((place) => [place.endsWith('/') ? `${place}a.ts` : place, 'export const a = 1;']),
);

describe('pure', () => {
  it.each(purePaths)('watches %s', async (place) => {
    const filePath = place.endsWith('/') ? `${place}nested/a.ts` : place;
    expect(placesOf(await findIn(checkPure, { [filePath]: '\nDate.now();' }))).toEqual([`${filePath}:2`]);
  });

  it.each([
    'Date.now()',
    'new Date()',
    'Date()',
    'performance.now()',
    'Math.random()',
    'globalThis.Math.random()',
    "Math['random']()",
    'crypto.randomUUID()',
    'randomBytes(8)',
    "console.log('x')",
    'console?.log()',
    'process.env',
    'process.hrtime.bigint()',
    'setTimeout(f, 1)',
    'fetch(url)',
  ])('finds `%s`', async (expression) => {
    const findings = await findIn(checkPure, { 'steering/ranking/score.ts': `export const a = () => ${expression};` });
    expect(placesOf(findings)).toEqual(['steering/ranking/score.ts:1']);
  });

  it.each([
    'new Date(atMs).getUTCDay()',
    'Math.max(1, 2)',
    'clock.now()',
    'random()',
    "'Date.now()'",
    'plan.process',
    'candidate.performance.score',
    'regions.fetch(a)',
  ])('leaves `%s` alone', async (expression) => {
    const text = `// Date.now() would be wrong here\nexport const a = () => ${expression};`;
    expect(await findIn(checkPure, { 'steering/ranking/score.ts': text })).toEqual([]);
  });

  it.each([
    'node:fs',
    'fs',
    'node:http',
    'node:timers/promises',
    'undici',
    'zod',
    '../fleet/fleet-store.ts',
    '../../src/world/clock.ts',
  ])('lets deciding code not import %s, not even a type of it', async (specifier) => {
    const text = `import { a } from '${specifier}';\nimport type { B } from '${specifier}';`;
    const findings = await findIn(checkPure, { 'steering/ranking/score.ts': text });
    expect(placesOf(findings)).toEqual(['steering/ranking/score.ts:1', 'steering/ranking/score.ts:2']);
  });

  it.each(['./candidate.ts', '../../src/contracts/ids.ts', '../../src/http/etag.ts', '../../src/hashing/rank.ts'])(
    'lets deciding code import %s',
    async (specifier) => {
      expect(await findIn(checkPure, { 'steering/ranking/score.ts': `import '${specifier}';` })).toEqual([]);
    },
  );

  it('lets pure files of one service import each other, but not those of another', async () => {
    const findings = await findIn(checkPure, {
      'fill-planner/plan/plan-fleet.ts':
        "import '../placement/place-files.ts';\nimport '../../steering/ranking/score.ts';",
    });
    expect(placesOf(findings)).toEqual(['fill-planner/plan/plan-fleet.ts:2']);
  });

  it('leaves code beside the pure folders alone', async () => {
    expect(await findIn(checkPure, { 'steering/answer/steer.ts': "import 'node:fs';\nDate.now();" })).toEqual([]);
  });
});

describe('pure-list', () => {
  it('is content when every listed file and folder exists', async () => {
    expect(await findIn(checkPureList, everyPurePath)).toEqual([]);
  });

  it('names a listed file that was renamed away from its protection', async () => {
    const { 'appliance/fill/choose-source.ts': renamed = '', ...rest } = everyPurePath;
    const findings = await findIn(checkPureList, { ...rest, 'appliance/fill/choose-sources.ts': renamed });
    expect(findings.map(({ says }) => says)).toEqual([expect.stringContaining('appliance/fill/choose-source.ts')]);
  });
});
