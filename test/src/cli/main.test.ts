import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const MAIN = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url));

/** Something that answers every request with JSON, and is no service of ours. */
let stranger: Server;
let strangerUrl: string;

beforeAll(async () => {
  stranger = createServer((request, response) => response.end(request.url === '/v1/titles' ? 'hello' : '{"a":1}'));
  await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
  strangerUrl = `http://127.0.0.1:${(stranger.address() as AddressInfo).port}`;
});

afterAll(() => stranger.close());

async function oca(words: readonly string[], input = ''): Promise<{ code: number; output: string; errors: string }> {
  const child = spawn(process.execPath, [MAIN, ...words]);
  let [output, errors] = ['', ''];
  child.stdout.on('data', (piece: Buffer) => (output += piece.toString()));
  child.stderr.on('data', (piece: Buffer) => (errors += piece.toString()));
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const [code] = (await once(child, 'close')) as [number];
  return { code, output, errors };
}

describe('oca', () => {
  it.each<[string, readonly string[], string]>([
    ['a command that does not exist', ['nosuch'], "unknown command 'nosuch'"],
    ['a flag that does not exist', ['steering', '--listn', '1'], 'Did you mean --listen?'],
    ['a flag without its value', ['steering', '--listen'], 'argument missing'],
    ['a word too many', ['fill-planner', 'now'], 'too many arguments'],
    ['a value that does not fit', ['steering', '--ttl-sec', '1'], '--ttl-sec must be 5 to 3600 s, not 1'],
    ['a service that does not exist', ['config', 'constructor'], "no service 'constructor'"],
    [
      'an admin URL that is none',
      ['enrol', 'a1', '--admin', 'nonsense'],
      "must be an http or https URL, not 'nonsense'",
    ],
    ['a planner URL that is none', ['title', 'add', '/x', '--planner-admin', ':1'], 'must be an http or https URL'],
    ['a URL to load that is none', ['bench', '--url', 'nonsense'], '--url must be an http or https URL'],
    ['a purge of two things', ['purge', '/a', '--tag', 'b'], 'say what to purge: a PATH, or one of'],
    ['a file that is not there', ['fleet', 'set', '/nowhere.json'], '/nowhere.json'],
  ])('refuses %s as wrong configuration, in plain words', async (_what, words, said) => {
    const { code, errors } = await oca(words);
    expect(errors).toContain(said);
    expect(errors).not.toMatch(/^ +at /m);
    expect(code).toBe(78);
  });

  it.each<[string, (url: string) => readonly string[]]>([
    ['enrol', (url) => ['enrol', 'a1', '--admin', url]],
    ['fleet show', (url) => ['fleet', 'show', '--planner-admin', url]],
    ['purge', (url) => ['purge', '/a', '--appliance-admin', url]],
    ['plan show', (url) => ['plan', 'show', '--planner-admin', url]],
    ['title add', (url) => ['title', 'add', '/x', '--planner-admin', url]],
    ['title list', (url) => ['title', 'list', '--planner-admin', url]],
  ])('%s says so when another program answers in the place of the planner', async (_what, words) => {
    const { code, errors } = await oca(words(strangerUrl));
    expect(errors).toMatch(/^oca: /);
    expect(errors).not.toMatch(/^ +at /m);
    expect(code).toBe(1);
  });

  it('helps: with everything there is, and with one command', async () => {
    expect(await oca(['--help'])).toMatchObject({ code: 0, output: expect.stringContaining('See a video first') });
    const { code, output } = await oca(['appliance', '--help']);
    expect(code).toBe(0);
    expect(output).toContain('--volume <DIR...>');
    expect(output).toContain('oca appliance --listen 127.0.0.1:8080');
    // Wider than that and a terminal breaks it in the middle of words.
    expect(Math.max(...output.split('\n').map((line) => line.length))).toBeLessThanOrEqual(140);
  });

  it('takes its own example configuration from standard input, and flags before it', async () => {
    const { output } = await oca(['config', 'appliance', '--example']);
    const { code, errors } = await oca(['appliance', '--config', '-', '--origin', 'http://127.0.0.1:9'], output);
    expect(errors).toContain("a folder for content is missing: add '--volume DIR'");
    expect(errors).not.toContain('--origin');
    expect(code).toBe(78);
  });
});
