import { expect, test } from 'vitest';
import { isOperational } from '../../../src/errors/operational-error.ts';
import { DashTemplates } from '../../../steering/manifests/dash-templates.ts';
import { type DashPreparer, DashThread } from '../../../steering/manifests/prepare-in-thread.ts';
import { type DashDescription, type DashTemplate, prepareDash } from '../../../steering/manifests/render-dash.ts';
import { title } from '../samples.ts';

const mpdOf = (name: string): string =>
  `<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period id="${name}"><AdaptationSet/></Period></MPD>`;
const withMpd = (id: string, mpd = mpdOf(id)) => ({ ...title(id), dash: { path: `/vod/${id}/m.mpd`, mpd } });

/** Prepares when it is told to. */
class GatedPreparer implements DashPreparer {
  readonly asked: string[] = [];
  gate: Promise<void> = Promise.resolve();
  isBroken = false;

  async prepare(dash: DashDescription, originUrl: string): Promise<DashTemplate> {
    this.asked.push(dash.path);
    await this.gate;
    if (this.isBroken) throw new Error('the thread ended');
    return prepareDash(dash, originUrl);
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }
}

test('the thread prepares as the function does, tells what it cannot read, and another one follows one that ended', async () => {
  const thread = new DashThread();
  const bars = withMpd('bars');
  expect(await thread.prepare(bars.dash, bars.originUrl)).toEqual(prepareDash(bars.dash, bars.originUrl));
  expect(await thread.prepare({ ...bars.dash, mpd: '<MPD' }, bars.originUrl)).toBe('broken');
  await thread.stop();
  expect(await thread.prepare(bars.dash, bars.originUrl)).toEqual(prepareDash(bars.dash, bars.originUrl));
  const cut = thread.prepare(bars.dash, bars.originUrl).catch((error: Error) => error.message);
  await thread.stop();
  expect(await cut).toBe('the thread that prepares MPDs ended');
});

test('all who ask for a title wait for one preparation, and a new catalogue with the same MPD needs none', async () => {
  const preparer = new GatedPreparer();
  const templates = new DashTemplates(preparer);
  const found = await Promise.all(Array.from({ length: 100 }, () => templates.find(withMpd('bars'))));
  expect(new Set(found).size).toBe(1);
  expect(await templates.find(structuredClone(withMpd('bars')))).toBe(found[0]);
  expect(preparer.asked).toHaveLength(1);
  expect((await templates.find(withMpd('bars', mpdOf('changed'))))?.after).toContain('changed');
  expect(preparer.asked).toHaveLength(2);
});

test('what cannot be read is found out once', async () => {
  const asked: string[] = [];
  const templates = new DashTemplates({
    prepare: ({ path }) => {
      asked.push(path);
      return Promise.resolve('broken' as const);
    },
    stop: () => Promise.resolve(),
  });
  for (let turn = 0; turn < 3; turn += 1) expect(await templates.find(withMpd('bars'))).toBeUndefined();
  expect(asked).toHaveLength(1);
});

test('a preparation that failed is tried again by the next one who asks', async () => {
  const preparer = new GatedPreparer();
  const templates = new DashTemplates(preparer);
  preparer.isBroken = true;
  await expect(templates.find(withMpd('bars'))).rejects.toThrow('the thread ended');
  preparer.isBroken = false;
  expect(await templates.find(withMpd('bars'))).toBeDefined();
});

test('only so many new MPDs wait; those that are prepared are found meanwhile', async () => {
  const preparer = new GatedPreparer();
  const templates = new DashTemplates(preparer);
  const first = await templates.find(withMpd('bars'));
  const gate = Promise.withResolvers<void>();
  preparer.gate = gate.promise;
  const waiting = Array.from({ length: 64 }, (_, at) => templates.find(withMpd(`t${at}`)));
  const tooMuch: unknown = await templates.find(withMpd('one-more')).catch((error: unknown) => error);
  expect(isOperational(tooMuch, 'OVERLOADED')).toBe(true);
  expect(await templates.find(withMpd('bars'))).toBe(first);
  gate.resolve();
  await Promise.all(waiting);
  expect(await templates.find(withMpd('one-more'))).toBeDefined();
});

test('what was not asked for longest goes when there is too much of it', async () => {
  const preparer = new GatedPreparer();
  const templates = new DashTemplates(preparer, mpdOf('a').length * 2);
  for (const id of ['a', 'b', 'a', 'c', 'a']) await templates.find(withMpd(id));
  expect(preparer.asked.map((path) => path.split('/')[2])).toEqual(['a', 'b', 'c']);
  await templates.find(withMpd('b'));
  expect(preparer.asked).toHaveLength(4);
});
