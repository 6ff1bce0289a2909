import { describe, expect, it } from 'vitest';
import { findIn, placesOf } from './fake-tree.ts';
import { checkBorders } from './rules/borders.ts';
import { checkCycles } from './rules/cycles.ts';
import { checkLayers } from './rules/layers.ts';
import { checkWrappers } from './rules/wrappers.ts';

const manifest = JSON.stringify({
  dependencies: { undici: '1', zod: '1', pino: '1' },
  devDependencies: { vitest: '1', 'hls.js': '1' },
});

describe('borders', () => {
  it('lets no service import another, in whatever form it is written', async () => {
    const findings = await findIn(checkBorders, {
      'steering/fleet/a.ts': [
        "import { b } from '../../appliance/b.ts';",
        "import type { B } from '../../appliance/b.ts';",
        "export * from '../../appliance/b.ts';",
        'export { b as c }',
        "  from '../../appliance/b.ts';",
        "const late = await import('../../appliance/b.ts');",
        "const worker = new URL('../../appliance/b.ts', import.meta.url);",
        "export type D = import('../../appliance/b.ts').D;",
      ].join('\n'),
    });
    expect(placesOf(findings)).toEqual([1, 2, 3, 4, 6, 7, 8].map((line) => `steering/fleet/a.ts:${line}`));
    expect(findings[0]).toMatchObject({ rule: 'borders', says: expect.stringContaining('services never import') });
  });

  it('is not misled by comments and strings', async () => {
    const text = [
      "// import { b } from '../appliance/b.ts';",
      "/* import('../appliance/b.ts') */",
      'export const example = "import { b } from \'../appliance/b.ts\'";',
      "export const size = '日本 😀';",
    ].join('\n');
    expect(await findIn(checkBorders, { 'steering/a.ts': text })).toEqual([]);
  });

  it('lets src/cli start the entry of a service by dynamic import, and nothing else of src', async () => {
    const findings = await findIn(checkBorders, {
      'src/cli/good.ts': "export const start = () => import('../../appliance/main.ts');",
      'src/cli/static.ts': "import '../../appliance/main.ts';",
      'src/cli/deep.ts': "export const start = () => import('../../appliance/fill/x.ts');",
      'src/server/other.ts': "export const start = () => import('../../appliance/main.ts');",
    });
    expect(placesOf(findings)).toEqual(['src/cli/deep.ts:1', 'src/cli/static.ts:1', 'src/server/other.ts:1']);
  });

  it('keeps tests, benches, installation and dev dependencies out of the product', async () => {
    const findings = await findIn(checkBorders, {
      'package.json': manifest,
      'appliance/a.ts': "import '../test/support/a.ts';",
      'appliance/b.ts': "import '../bench/a.ts';",
      'appliance/c.ts': "import '../deploy/demo/a.ts';",
      'appliance/d.ts': "import 'vitest/node';",
      'appliance/e.ts': "import '@scope/never-named/deep';",
      'deploy/demo/page.ts': "import 'hls.js';\nimport '../../test/support/a.ts';",
      'test/f.ts': "import 'vitest';\nimport '../appliance/a.ts';\nimport '../deploy/demo/page.ts';",
    });
    expect(placesOf(findings)).toEqual([
      'appliance/a.ts:1',
      'appliance/b.ts:1',
      'appliance/c.ts:1',
      'appliance/d.ts:1',
      'appliance/e.ts:1',
      'deploy/demo/page.ts:2',
    ]);
    expect(findings[4]?.says).toContain('@scope/never-named');
  });

  it('lets a contract stand on nothing but contracts, zod and node:crypto', async () => {
    const findings = await findIn(checkBorders, {
      'package.json': manifest,
      'src/contracts/good.ts':
        "import 'zod';\nimport 'node:crypto';\nimport './other.ts';\nimport '../contracts/other.ts';",
      'src/contracts/bad.ts': "import '../http/etag.ts';\nimport 'pino';\nimport 'node:fs';\nimport 'fs';",
    });
    expect(placesOf(findings)).toEqual([1, 2, 3, 4].map((line) => `src/contracts/bad.ts:${line}`));
  });

  it('finds imports that leave the tree and, in the product, those that only run time can name', async () => {
    const findings = await findIn(checkBorders, {
      'bench/a.ts': "import '../../elsewhere/a.ts';\nimport '/opt/b.ts';\nawait import(process.argv[2] ?? '');",
      'src/cli/a.ts': 'export const load = (name: string) => import(`../../${name}/main.ts`);',
    });
    expect(placesOf(findings)).toEqual(['bench/a.ts:1', 'bench/a.ts:2', 'src/cli/a.ts:1']);
  });
});

describe('layers', () => {
  it('lets imports inside a service point down only', async () => {
    const findings = await findIn(checkLayers, {
      'appliance/main.ts': "import './appliance.ts';",
      'appliance/appliance.ts': "import './delivery/a.ts';\nimport './store/a.ts';\nimport './main.ts';",
      'appliance/delivery/a.ts': "import '../fill/a.ts';\nimport '../store/a.ts';\nimport '../appliance.ts';",
      'appliance/fill/a.ts': "import '../store/a.ts';\nimport type { A } from '../delivery/a.ts';",
      'appliance/store/a.ts': "import '../memory/a.ts';\nimport '../fill/a.ts';",
      'appliance/report/a.ts': "import '../store/a.ts';\nimport '../appliance.ts';",
    });
    expect(placesOf(findings)).toEqual([
      'appliance/appliance.ts:3',
      'appliance/delivery/a.ts:3',
      'appliance/fill/a.ts:2',
      'appliance/report/a.ts:2',
      'appliance/store/a.ts:2',
    ]);
  });
});

describe('wrappers', () => {
  it('lets one product file import a package, names it, and counts borrowed types too', async () => {
    const findings = await findIn(checkWrappers, {
      'src/client/borrows-a-type.ts': "import type { Agent } from 'undici';",
      'src/client/http-client.ts': "import { Agent } from 'undici';",
      'appliance/fill/fetch.ts': "// first line\nexport const load = () => import('undici/deep');",
      'appliance/config.ts': "import 'zod';",
      'src/contracts/ids.ts': "import 'zod';",
      'bench/a.ts': "import 'undici';",
      'test/a.ts': "import 'undici';",
      'deploy/demo/a.ts': "import 'undici';",
    });
    expect(placesOf(findings)).toEqual(['src/client/borrows-a-type.ts:1', 'src/client/http-client.ts:1']);
    expect(findings[0]?.says).toContain('appliance/fill/fetch.ts');
  });
});

describe('cycles', () => {
  it('finds a file that reaches itself, whatever form the imports take', async () => {
    const findings = await findIn(checkCycles, {
      'src/a.ts': "import './z.ts';\nimport './b.ts';",
      'src/b.ts': "import type { C } from './c.ts';",
      'src/c.ts': "export const a = () => import('./a.ts');",
      'src/z.ts': 'export const z = 1;',
    });
    expect(placesOf(findings)).toEqual(['src/a.ts:2']);
    expect(findings[0]?.says).toContain('src/a.ts -> src/b.ts -> src/c.ts -> src/a.ts');
  });

  it('finds a file that imports itself and two separate knots', async () => {
    const findings = await findIn(checkCycles, {
      'src/alone.ts': "import './alone.ts';",
      'src/left.ts': "import './right.ts';",
      'src/right.ts': "import './left.ts';",
    });
    expect(placesOf(findings)).toEqual(['src/alone.ts:1', 'src/left.ts:1']);
  });

  it('does not count the entry of a worker as an import, nor a file seen twice as a knot', async () => {
    const findings = await findIn(checkCycles, {
      'src/volume.ts': "export const entry = new URL('./volume-thread.ts', import.meta.url);\nimport './b.ts';",
      'src/volume-thread.ts': "import './volume.ts';\nimport './b.ts';",
      'src/b.ts': 'export const b = 1;',
    });
    expect(findings).toEqual([]);
  });
});
