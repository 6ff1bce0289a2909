import { chmod, readdir } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { withFolder } from './fake-tree.ts';
import { rules } from './rule-table.ts';
import { runTool } from './run-tool.ts';

describe('the table of rules', () => {
  it('holds every rule that is written', async () => {
    const folder = path.join(import.meta.dirname, 'rules');
    const modules: Record<string, unknown>[] = await Promise.all(
      (await readdir(folder)).map((name) => import(path.join(folder, name)) as Promise<Record<string, unknown>>),
    );
    const written = modules.flatMap((module) => Object.values(module)).filter((value) => typeof value === 'function');
    expect(new Set(rules.values())).toEqual(new Set(written));
  });
});

describe('running a tool', () => {
  async function runScript(script: string) {
    return withFolder({ 'node_modules/.bin/tool': `#!/bin/sh\n${script}\n` }, async (root) => {
      await chmod(path.join(root, 'node_modules/.bin/tool'), 0o755);
      return { root, outcome: await runTool(root, 'tool', ['--flag', 'two words']) };
    });
  }

  it('is ok when the tool ends with 0, and gives what it printed', async () => {
    const { outcome } = await runScript('echo "$1, $2"; echo warning >&2');
    expect(outcome).toEqual({ ok: true, output: '--flag, two words\nwarning' });
  });

  it('fails when the tool fails, even one that says nothing, or is not there', async () => {
    expect((await runScript('echo broken; exit 3')).outcome).toEqual({ ok: false, output: 'broken' });
    const silent = (await runScript('exit 3')).outcome;
    expect(silent).toMatchObject({ ok: false, output: expect.stringContaining('tool') });
    const absent = await withFolder({ 'a.txt': '' }, (root) => runTool(root, 'tool', []));
    expect(absent).toMatchObject({ ok: false, output: expect.stringContaining('ENOENT') });
  });

  it('lets the tool find the Node that the package pins first', async () => {
    const { root, outcome } = await runScript('echo "$PATH"; pwd -P');
    const [searched = '', folder] = outcome.output.split('\n');
    expect(searched.split(':')[0]).toBe(path.join(root, 'node_modules', '.bin'));
    expect(folder?.endsWith(path.basename(root))).toBe(true);
  });
});
