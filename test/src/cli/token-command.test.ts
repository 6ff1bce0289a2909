import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { tokenCommand } from '../../../src/cli/token-command.ts';
import { SteeringRig } from '../../steering/steering-rig.ts';

let rig: SteeringRig;
let said: string;

beforeEach(async () => {
  rig = await new SteeringRig({ signUrls: 'title' }).start();
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    said += String(text);
    return true;
  });
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rig.stop();
});

async function run(...words: string[]): Promise<string> {
  said = '';
  await tokenCommand().parseAsync([...words, '--steering-admin', rig.adminUrl], { from: 'user' });
  return said;
}
const keyOf = (table: string, role: string): string =>
  new RegExp(`^(u-[0-9a-f]+) +${role} `, 'm').exec(table)?.[1] ?? 'none';

it('lists the keys, signs with the next one, and forgets one', async () => {
  const before = await run('keys');
  const next = keyOf(before, 'next');
  const after = await run('rotate');
  expect(keyOf(after, 'current')).toBe(next);
  expect(keyOf(after, 'retired')).toBe(keyOf(before, 'current'));
  expect(await run('revoke', next)).not.toContain(next);
  await expect(run('revoke', next)).rejects.toThrow(`no key '${next}'`);
});

it('mints a token for a folder and says of it, alone or in a URL, what it opens and whether it counts', async () => {
  const minted = await run('mint', '--folder', '/vod/trailers', '--hours', '2');
  expect(minted).toContain('opens    /vod/trailers/');
  const token = /^token +(\S+)$/m.exec(minted)?.[1] ?? '';
  const url = `http://a1.example/vod/trailers;URISigningPackage=${token}/x.mp4`;
  for (const text of [token, url]) {
    expect(await run('inspect', text)).toContain('cdniuc   "regex:[^:]*://[^/]*/vod/trailers/.*"');
  }
  // Steering's world is in 2030, and this program's clock is not: nobody's token counts for longer for that.
  expect(await run('inspect', token)).toMatch(/^counts {3}yes$/m);
  await run('revoke', keyOf(await run('keys'), 'current'));
  expect(await run('inspect', token)).toMatch(/^counts {3}no: unknown-key$/m);
});

it.each([
  ['/', 'must'],
  ['/vod/%7e', 'no scope of a token'],
])('makes no token for %s', async (folder, words) => {
  await expect(run('mint', '--folder', folder)).rejects.toThrow(words);
});

it('says what is no token, no time and no title', async () => {
  await expect(run('inspect', 'x.y.z')).rejects.toThrow('that is no token');
  await expect(run('mint', '--folder', '/vod', '--hours', 'x')).rejects.toThrow('--hours');
  await expect(run('mint', '--title', 'film')).rejects.toThrow("no title 'film'");
  await expect(run('mint')).rejects.toThrow('a title or a folder');
});
