import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readStateFile, writeStateFile } from '../../../src/state/state-file.ts';
import { until } from '../../support/until.ts';

let dir: string;
let file: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'oca-state-'));
  file = join(dir, 'deep', 'state.json');
});

afterEach(() => rm(dir, { recursive: true }));

describe('a state file', () => {
  it.each([true, false])('gives back what was written last (durable: %s)', (durable) => {
    expect(readStateFile(file)).toBeUndefined();
    writeStateFile(file, { a: [1, 'é'] }, { durable });
    writeStateFile(file, { b: 2 }, { durable });
    expect(readStateFile(file)).toEqual({ b: 2 });
  });

  it('is readable by its service alone, and leaves nothing beside it', async () => {
    writeStateFile(file, {}, { durable: true });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readdir(join(dir, 'deep'))).toEqual(['state.json']);
  });

  it('refuses text that is no JSON, by its name', async () => {
    await mkdir(join(dir, 'deep'));
    await writeFile(file, '{"half":');
    expect(() => readStateFile(file)).toThrow(
      expect.objectContaining({ code: 'STATE_CORRUPT', detail: expect.stringContaining('state.json') }),
    );
  });

  it('says that the disk failed when it did, and keeps the old document', async () => {
    writeStateFile(file, { a: 1 }, { durable: false });
    await mkdir(`${file}.new`);
    expect(() => writeStateFile(file, { a: 2 }, { durable: false })).toThrow(
      expect.objectContaining({ code: 'VOLUME_IO' }),
    );
    expect(readStateFile(file)).toEqual({ a: 1 });
  });

  it('is whole, old or new, however often its writer is killed', async () => {
    const module = JSON.stringify(new URL('../../../src/state/state-file.ts', import.meta.url).href);
    const program = `const { writeStateFile } = await import(${module});
      for (let n = 0; ; n += 1) writeStateFile(${JSON.stringify(file)}, { n, filler: 'x'.repeat(200_000), end: n }, { durable: false });`;
    for (let kill = 0; kill < 3; kill += 1) {
      await rm(file, { force: true });
      const writer = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'ignore' });
      await until(() => readStateFile(file) !== undefined);
      for (let look = 0; look < 20; look += 1) {
        const { n, end } = JSON.parse(await readFile(file, 'utf8')) as { n: number; end: number };
        expect(n).toBe(end);
      }
      writer.kill('SIGKILL');
      await once(writer, 'close');
      const left = readStateFile(file) as { n: number; end: number };
      expect(left.n).toBe(left.end);
    }
  });
});
