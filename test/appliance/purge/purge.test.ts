import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../support/until.ts';
import { type ApplianceRig, startAppliance } from '../support/appliance-rig.ts';
import { patterned } from '../support/gated-origin.ts';
import { ask, openAnswer } from '../support/http-client.ts';

const MIB = 2 ** 20;
const OLD = patterned(2 * MIB, 1);
const NEW = patterned(2 * MIB, 2);
/** Two files of 2 MiB are compared by name: a difference would be printed byte for byte. */
const nameOf = (bytes: Buffer): string => (bytes.equals(OLD) ? 'OLD' : bytes.equals(NEW) ? 'NEW' : 'neither');
const FRESH = { 'cache-control': 'max-age=600' };

interface Answer {
  readonly status: string;
  readonly trigger: Record<string, unknown>;
  readonly purged: { readonly objects: number; readonly blocks: number; readonly bytes: number };
  readonly onTheirWayIn: { readonly questions: number; readonly blocks: number };
  readonly onTheirWayOut: { readonly answers: number; readonly cut: number };
}

describe('a purge', () => {
  let rig: ApplianceRig;

  beforeEach(async () => {
    rig = await startAppliance();
  });

  afterEach(() => rig.stop());

  const post = (body: object, on = rig): Promise<Response> =>
    fetch(`${on.adminUrl}/v1/purge`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const purge = async (body: object, on = rig): Promise<Answer> => {
    const response = await post(body, on);
    expect(response.status).toBe(200);
    return (await response.json()) as Answer;
  };
  const put = (path: string, bytes: Buffer, etag: string, headers: Record<string, string> = {}): void =>
    void rig.origin.files.set(path, { bytes, etag, headers: { ...FRESH, ...headers } });
  const bodyOf = async (path: string): Promise<Buffer> => (await ask(`${rig.url}${path}`)).body;
  const blocksHeld = async (path: string): Promise<number> => {
    const answer = await fetch(`${rig.adminUrl}/v1/explain?path=${encodeURIComponent(path)}`);
    return answer.ok ? ((await answer.json()) as { held: { blocks: number } }).held.blocks : 0;
  };
  /** Asks for a whole file and waits until all of it is stored. */
  const fill = async (path: string): Promise<void> => {
    await bodyOf(path);
    await until(async () => (await blocksHeld(path)) === 2);
  };

  it('by path takes the object, says how much that was, and the next asker gets what the origin has now', async () => {
    put('/film.mp4', OLD, '"v1"');
    put('/other.mp4', OLD, '"v1"');
    await fill('/film.mp4');
    await fill('/other.mp4');
    put('/film.mp4', NEW, '"v2"');
    expect(nameOf(await bodyOf('/film.mp4'))).toBe('OLD');
    expect(await purge({ path: '/film.mp4' })).toEqual({
      trigger: { type: 'purge', 'content.urls': ['/film.mp4'], mode: 'finish' },
      status: 'complete',
      purged: { objects: 1, blocks: 2, bytes: 2 * MIB },
      onTheirWayIn: { questions: 0, blocks: 0 },
      onTheirWayOut: { answers: 0, cut: 0 },
    });
    expect(nameOf(await bodyOf('/film.mp4'))).toBe('NEW');
    expect(rig.origin.asked('/other.mp4')).toHaveLength(1);
  });

  it('by prefix, by tag and by generation takes what is meant and leaves the rest', async () => {
    put('/a/1', OLD, '"v1"', { 'cache-tag': 'news,sport' });
    put('/a/2', OLD, '"v1"', { 'surrogate-key': 'sport' });
    put('/b/1', OLD, '"v1"', { 'cache-tag': 'sports' });
    for (const path of ['/a/1', '/a/2', '/b/1']) await fill(path);
    expect((await purge({ tag: 'sport' })).purged.objects).toBe(2);
    expect(await Promise.all(['/a/1', '/a/2', '/b/1'].map(blocksHeld))).toEqual([0, 0, 2]);
    expect((await purge({ path: '/b/1', etag: '"v0"' })).purged.objects).toBe(0);
    expect((await purge({ path: '/b/1', etag: '"v1"' })).purged.objects).toBe(1);
    for (const path of ['/a/1', '/a/2', '/b/1']) await fill(path);
    expect((await purge({ prefix: '/a/' })).purged).toEqual({ objects: 2, blocks: 4, bytes: 4 * MIB });
    expect(await Promise.all(['/a/1', '/a/2', '/b/1'].map(blocksHeld))).toEqual([0, 0, 2]);
  });

  it.each([
    [{}],
    [{ path: '/a', prefix: '/b' }],
    [{ etag: '"v1"' }],
    [{ path: '/a', etag: 'v1' }],
    [{ path: 'a' }],
    [{ tag: 'a,b' }],
    [{ path: '/a', mode: 'gently' }],
    [{ paths: ['/a'] }],
  ])('that does not say one thing is refused: %o', async (body) => {
    expect((await post(body)).status).toBe(400);
  });

  it('by a title that no plan names says so', async () => {
    expect((await post({ title: 'nothing' })).status).toBe(404);
  });

  it.each([[{ path: '/film.mp4' }], [{ prefix: '/' }], [{ tag: 'sport' }]])(
    'by %o makes who waits for the answer of the origin ask again, and nobody gets the old one',
    async (body) => {
      put('/film.mp4', OLD, '"v1"', { 'cache-tag': 'sport' });
      rig.origin.isHeld = true;
      const [first, second] = [ask(`${rig.url}/film.mp4`), ask(`${rig.url}/film.mp4`)];
      const question = await rig.origin.arrival();
      expect((await purge(body)).onTheirWayIn.questions).toBe(1);
      question.head();
      put('/film.mp4', NEW, '"v2"');
      const again = await rig.origin.arrival();
      again.release();
      rig.origin.isHeld = false;
      expect(nameOf((await first).body)).toBe('NEW');
      expect(nameOf((await second).body)).toBe('NEW');
      expect(nameOf(await bodyOf('/film.mp4'))).toBe('NEW');
    },
  );

  it('is seen by a request that has found the object and waits for its first block', async () => {
    put('/film.mp4', OLD, '"v1"');
    rig.origin.isHeld = true;
    const waiting = ask(`${rig.url}/film.mp4`);
    const question = await rig.origin.arrival();
    question.head();
    // The object is there, and its first byte is not.
    await until(async () => (await fetch(`${rig.adminUrl}/v1/explain?path=/film.mp4`)).status === 200);
    const answer = await purge({ path: '/film.mp4' });
    expect(answer.onTheirWayIn.blocks).toBe(2);
    question.send();
    question.end();
    const again = await rig.origin.arrival();
    put('/film.mp4', NEW, '"v2"');
    again.release();
    rig.origin.isHeld = false;
    expect(nameOf((await waiting).body)).toBe('NEW');
  });

  it('takes all that is kept side by side under a key, and who waits to have one confirmed asks again', async () => {
    put('/page', OLD, '"v1"', { vary: 'accept-language' });
    const inLanguage = (language: string) => ask(`${rig.url}/page`, { headers: { 'accept-language': language } });
    await inLanguage('fr');
    await inLanguage('de');
    expect((await inLanguage('fr')).headers['cache-status']).toContain('hit');
    rig.origin.isHeld = true;
    const late = inLanguage('it');
    const question = await rig.origin.arrival();
    // The list of them, and the one object that is both (the origin confirmed it).
    expect((await purge({ path: '/page' })).purged.objects).toBe(2);
    // The origin confirms what it had been asked about.
    question.release();
    const again = await rig.origin.arrival();
    put('/page', NEW, '"v2"', { vary: 'accept-language' });
    again.release();
    rig.origin.isHeld = false;
    expect(nameOf((await late).body)).toBe('NEW');
    expect(nameOf((await inLanguage('fr')).body)).toBe('NEW');
    expect(nameOf((await inLanguage('de')).body)).toBe('NEW');
  });

  it('lets a body that is being sent come to its end, and the next one is new', async () => {
    put('/film.mp4', OLD, '"v1"');
    rig.origin.isHeld = true;
    const running = openAnswer(`${rig.url}/film.mp4`);
    const question = await rig.origin.arrival();
    question.head();
    question.send(MIB);
    const answer = await running;
    await answer.received(MIB);
    expect((await purge({ path: '/film.mp4' })).onTheirWayOut).toEqual({ answers: 1, cut: 0 });
    question.send();
    question.end();
    expect(await answer.ended).toBe('complete');
    expect(nameOf(answer.body)).toBe('OLD');
    put('/film.mp4', NEW, '"v2"');
    rig.origin.isHeld = false;
    expect(nameOf(await bodyOf('/film.mp4'))).toBe('NEW');
  });

  it('with mode=cut ends it by a reset, which cannot pass for an end, and counts it', async () => {
    put('/film.mp4', OLD, '"v1"');
    rig.origin.isHeld = true;
    const running = openAnswer(`${rig.url}/film.mp4`);
    const question = await rig.origin.arrival();
    question.head();
    question.send(MIB);
    const answer = await running;
    await answer.received(MIB);
    expect((await purge({ path: '/film.mp4', mode: 'cut' })).onTheirWayOut).toEqual({ answers: 1, cut: 1 });
    expect(await answer.ended).toBe('cut');
    const metrics = await (await fetch(`${rig.adminUrl}/metrics`)).text();
    expect(metrics).toContain('appliance_abandoned_answers_total{reason="purged"} 1');
    question.cut();
  });

  it('holds after a restart', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'oca-purge-'));
    const { origin } = rig;
    put('/film.mp4', OLD, '"v1"');
    const first = await startAppliance({ dir, origin });
    await ask(`${first.url}/film.mp4`);
    await until(async () =>
      (await (await fetch(`${first.adminUrl}/v1/explain?path=/film.mp4`)).text()).includes('"blocks":2'),
    );
    await purge({ prefix: '/film' }, first);
    await first.stop();
    const second = await startAppliance({ dir, origin });
    expect((await fetch(`${second.adminUrl}/v1/explain?path=/film.mp4`)).status).toBe(404);
    await second.stop();
    rmSync(dir, { recursive: true, force: true });
  });
});
