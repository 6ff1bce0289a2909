import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { flagName, loadConfig, variableName } from '../../../src/config/load-config.ts';
import { numberParameter, textListParameter, textParameter } from '../../../src/config/parameter.ts';
import { OperationalError } from '../../../src/errors/operational-error.ts';

const table = {
  name: textParameter('fallback', ''),
  fillTimeoutMs: numberParameter('ms', { min: 0, max: 1000 }, 10, ''),
  volume: textListParameter('DIR', ''),
};

let dir: string;
let file: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'oca-config-'));
  file = join(dir, 'config.json');
});

afterEach(() => rm(dir, { recursive: true }));

const load = (flags: Record<string, unknown>, environment: Record<string, string> = {}, from?: string) =>
  loadConfig(table, { flags, environment, file: from });

function problemsOf(attempt: () => unknown): string {
  try {
    attempt();
  } catch (error) {
    if (error instanceof OperationalError && error.code === 'CONFIG_INVALID') return error.detail;
    throw error;
  }
  throw new Error('was not refused');
}

describe('loading a configuration', () => {
  it('takes the flag before the variable before the file before the default', async () => {
    await writeFile(file, JSON.stringify({ name: 'file', fillTimeoutMs: 3 }));
    expect(load({}, {}).name).toBe('fallback');
    expect(load({}, {}, file).name).toBe('file');
    expect(load({}, { OCA_NAME: 'variable' }, file).name).toBe('variable');
    expect(load({ name: 'flag' }, { OCA_NAME: 'variable' }, file)).toEqual({
      name: 'flag',
      fillTimeoutMs: 3,
      volume: [],
    });
  });

  it('takes a list from a repeated flag, a comma-separated variable or a list in the file', async () => {
    await writeFile(file, JSON.stringify({ volume: ['/c'] }));
    expect(load({ volume: ['/a', '/b'] }).volume).toEqual(['/a', '/b']);
    expect(load({}, { OCA_VOLUME: '/a,/b' }).volume).toEqual(['/a', '/b']);
    expect(load({}, {}, file).volume).toEqual(['/c']);
  });

  it('refuses everything that is wrong at once, each by the name that its giver knows', async () => {
    await writeFile(file, JSON.stringify({ fillTimeout: 5, fillTimeoutMs: 'long' }));
    const problems = problemsOf(() => load({ volume: [''] }, {}, file));
    expect(problems).toContain("'fillTimeout' is not a parameter; did you mean 'fillTimeoutMs'?");
    expect(problems).toContain("'fillTimeoutMs' must be a number of ms");
    expect(problems).toContain('--volume must not be empty');
    expect(problemsOf(() => load({}, { OCA_FILL_TIMEOUT_MS: '-5' }))).toBe(
      'OCA_FILL_TIMEOUT_MS must be 0 to 1000 ms, not -5',
    );
  });

  it('knows no parameter by a name that every object has', async () => {
    await writeFile(file, JSON.stringify({ constructor: 1, toString: 2 }));
    const problems = problemsOf(() => load({}, {}, file));
    expect(problems).toContain("'constructor' is not a parameter");
    expect(problems).toContain("'toString' is not a parameter");
  });

  it('takes an empty variable for a value, not for nothing', () => {
    expect(load({}, { OCA_NAME: '' }).name).toBe('');
  });

  it('refuses a file that is not there, no JSON or no object', async () => {
    expect(problemsOf(() => load({}, {}, join(dir, 'none.json')))).toContain('none.json');
    for (const text of ['{"name":', '[]', '"text"', 'null']) {
      await writeFile(file, text);
      expect(problemsOf(() => load({}, {}, file))).toContain('config.json');
    }
  });

  it('names flags and variables after the parameter', () => {
    expect(flagName('adminListen')).toBe('--admin-listen');
    expect(variableName('softEgressBitsPerSec')).toBe('OCA_SOFT_EGRESS_BITS_PER_SEC');
  });
});
