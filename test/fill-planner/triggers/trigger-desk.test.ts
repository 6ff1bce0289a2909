import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { CalendarStore } from '../../../fill-planner/calendar/calendar-store.ts';
import { CALENDAR, OPERATOR, TriggerDesk, type TriggerOwner } from '../../../fill-planner/triggers/trigger-desk.ts';
import { TriggerStore } from '../../../fill-planner/triggers/trigger-store.ts';
import type { TriggerResult } from '../../../src/contracts/trigger-list.ts';
import { atOnce } from '../../../src/resilience/in-slices.ts';
import { FakeWorld } from '../../support/fake-world.ts';
import { temporaryFolder } from '../catalog/demo-title.ts';

const FILES: Readonly<Record<string, readonly string[]>> = {
  'film/v1': ['/film/v1/1.m4s', '/film/v1/2.m4s'],
  'film/v2': ['/film/v2/1.m4s'],
  'other/v1': ['/other/v1.mp4'],
};

async function openDesk() {
  const folder = await temporaryFolder();
  const world = new FakeWorld();
  const store = new TriggerStore(join(folder.path, 'triggers.sqlite'));
  const calendar = new CalendarStore(join(folder.path, 'calendar.sqlite'));
  const fleet = ['a1', 'a2'];
  const holders = new Map<string, string[]>();
  const pinnings: (number | undefined)[] = [];
  const desk = new TriggerDesk({
    store,
    calendar,
    catalog: {
      renditions: () => Object.keys(FILES).map((id) => ({ id, titleId: id.split('/')[0] ?? '' }) as never),
      filesOf: (id) => (FILES[id] ?? []).map((path) => ({ path, sizeBytes: 1, root: '', headBytes: 0 })),
      renditionOf: (path) => Object.keys(FILES).find((id) => FILES[id]?.includes(path)),
    },
    applianceIds: () => fleet,
    *readHolders(renditionIds) {
      yield 1;
      return new Map([...holders].filter(([, held]) => held.some((id) => renditionIds.has(id))));
    },
    onPinned: (fillNowMinutes) => void pinnings.push(fillNowMinutes),
    world,
    cdnId: 'AS64496:0',
    retentionMs: 86_400_000,
  });
  const give = (trigger: object, owner: TriggerOwner = OPERATOR): string => {
    const outcome = desk.take(owner, { trigger, 'cdn-path': ['AS1:0'] });
    if (outcome.kind !== 'created') throw new Error(JSON.stringify(outcome));
    return outcome.triggerId;
  };
  const tell = (applianceId: string, triggerId: string, state: TriggerResult['state'], detail = ''): void =>
    desk.report({
      version: 1,
      applianceId,
      reportedAtMs: 0,
      results: [{ triggerId, state, objectCount: 1, bytes: 2, detail }],
    });
  return {
    desk,
    store,
    world,
    calendar,
    fleet,
    holders,
    give,
    tell,
    pinnings,
    status: (id: string, owner: TriggerOwner = OPERATOR) => desk.view(owner, id)?.trigger.status,
    states: (id: string) => desk.view(OPERATOR, id)?.nodes.map(({ applianceId, state }) => `${applianceId} ${state}`),
    cancel: (id: string) => desk.take(OPERATOR, { cancel: [`/triggers/${id}`], 'cdn-path': ['AS1:0'] }).kind,
    async [Symbol.asyncDispose]() {
      store.close();
      calendar.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

const PURGE = { type: 'purge', 'content.urls': ['/film/v1/1.m4s'] };

test('a purge is pending, active and complete as appliances take it up, and never complete before all are', async () => {
  await using rig = await openDesk();
  const id = rig.give(PURGE);
  expect(rig.status(id)).toBe('pending');
  expect(rig.desk.openFor('a1')).toMatchObject([{ triggerId: id, type: 'purge', paths: ['/film/v1/1.m4s'] }]);
  expect(rig.status(id)).toBe('active');
  rig.tell('a1', id, 'complete');
  expect(rig.status(id)).toBe('active');
  expect(rig.desk.openFor('a1')).toEqual([]);
  rig.tell('a2', id, 'complete');
  expect(rig.status(id)).toBe('complete');
  // What ended stays as it ended, whoever says what.
  rig.tell('a1', id, 'failed');
  expect([rig.status(id), rig.states(id)]).toEqual(['complete', ['a1 complete', 'a2 complete']]);
  expect(rig.cancel(id)).toBe('cancelled');
  expect(rig.status(id)).toBe('complete');
});

test('one appliance that fails makes it fail, at the end and with a reason', async () => {
  await using rig = await openDesk();
  const id = rig.give(PURGE);
  rig.tell('a1', id, 'failed', 'disk');
  expect(rig.status(id)).toBe('active');
  rig.tell('a2', id, 'complete');
  expect(rig.status(id)).toBe('failed');
});

test('who left the fleet is not waited for, and finds what he missed when he comes back, as who was never told', async () => {
  await using rig = await openDesk();
  const id = rig.give(PURGE);
  rig.tell('a1', id, 'complete');
  rig.fleet.pop();
  atOnce(rig.desk.afterCycle());
  expect([rig.status(id), rig.states(id)]).toEqual(['complete', ['a1 complete', 'a2 gone']]);
  expect(rig.desk.openFor('a2')).toHaveLength(1);
  expect(rig.desk.openFor('a3')).toHaveLength(1);
  rig.tell('a3', id, 'complete');
  expect(rig.desk.openFor('a3')).toEqual([]);
  expect(rig.desk.openFor('a1')).toEqual([]);
  // Something new is seen by who had nothing to do.
  rig.give({ type: 'invalidate', 'content.patterns': [{ pattern: '/live/*' }] });
  expect(rig.desk.openFor('a1')).toMatchObject([{ type: 'invalidate', patterns: [{ pattern: '/live/*' }] }]);
});

test('a cancelled purge is never handed out; one that is under way is cancelling until its appliance asks again', async () => {
  await using rig = await openDesk();
  const early = rig.give(PURGE);
  expect([rig.cancel(early), rig.status(early)]).toEqual(['cancelled', 'cancelled']);
  expect(rig.desk.openFor('a1')).toEqual([]);
  const late = rig.give(PURGE);
  rig.desk.openFor('a1');
  expect([rig.cancel(late), rig.status(late)]).toEqual(['cancelling', 'cancelling']);
  expect(rig.desk.openFor('a1')).toEqual([]);
  expect([rig.status(late), rig.states(late)]).toEqual(['cancelled', ['a1 cancelled', 'a2 cancelled']]);
  expect(rig.cancel('nothing')).toBe('unknown');
});

test('a preposition pins what its URLs are of, and is for those whose plans took it up', async () => {
  await using rig = await openDesk();
  const id = rig.give({ type: 'preposition', 'content.urls': ['https://cdn.example/film/v1/1.m4s'] });
  expect(rig.pinnings).toEqual([undefined]);
  expect(rig.calendar.facts.pins).toMatchObject([
    { subject: { by: 'rendition', renditionId: 'film/v1' }, place: { by: 'everywhere' }, part: 'whole' },
  ]);
  expect(rig.status(id)).toBe('pending');
  // A cycle that was under way does not know of it.
  atOnce(rig.desk.afterCycle());
  expect(rig.status(id)).toBe('pending');
  rig.holders.set('a2', ['film/v1']);
  atOnce(rig.desk.afterCycle());
  expect(rig.desk.openFor('a1')).toEqual([]);
  expect(rig.desk.openFor('a2')).toMatchObject([{ type: 'preposition', paths: ['/film/v1/1.m4s'] }]);
  rig.tell('a2', id, 'active');
  expect(rig.status(id)).toBe('active');
  rig.tell('a2', id, 'complete');
  expect(rig.status(id)).toBe('complete');
  expect(rig.desk.delete(OPERATOR, id)).toBe(true);
  expect([rig.calendar.facts.pins, rig.status(id)]).toEqual([[], undefined]);
});

test('a preposition of what nobody knows fails; of what has no place, after a while; of both in part, at its end', async () => {
  await using rig = await openDesk();
  const unknown = rig.give({ type: 'preposition', 'content.urls': ['/nowhere'] });
  expect(rig.desk.view(OPERATOR, unknown)?.trigger).toMatchObject({
    status: 'failed',
    errors: [{ error: 'econtent' }],
  });
  const full = rig.give({ type: 'preposition', 'content.ccid': ['other'] });
  await rig.world.clock.advance(6 * 3_600_000 + 1);
  atOnce(rig.desk.afterCycle());
  expect(rig.desk.view(OPERATOR, full)?.trigger).toMatchObject({
    status: 'failed',
    errors: [{ error: 'econtent', 'content.urls': ['/other/v1.mp4'] }],
  });
  const part = rig.give({ type: 'preposition', 'content.urls': ['/nowhere', '/film/v2/1.m4s'] });
  rig.holders.set('a1', ['film/v2']);
  atOnce(rig.desk.afterCycle());
  rig.tell('a1', part, 'complete');
  expect(rig.status(part)).toBe('failed');
});

test('a window by hand is the operator to open, nobody else', async () => {
  await using rig = await openDesk();
  const preposition = { type: 'preposition', 'content.ccid': ['film'], 'oca.fill-now-minutes': 30 };
  rig.give(preposition);
  rig.give(preposition, { name: 'acme', prefixes: ['/'] });
  expect(rig.pinnings).toEqual([30, undefined]);
});

test('senders see and touch nothing of each other', async () => {
  await using rig = await openDesk();
  const acme: TriggerOwner = { name: 'acme', prefixes: ['/film/'] };
  const id = rig.give(PURGE);
  expect(rig.desk.view(acme, id)).toBeUndefined();
  expect([rig.desk.list(acme), rig.desk.delete(acme, id)]).toEqual([[], false]);
  const take = (trigger: object) => rig.desk.take(acme, { trigger, 'cdn-path': ['AS1:0'] }).kind;
  expect(take({ type: 'purge', 'content.urls': ['/film/v1/1.m4s'] })).toBe('created');
  expect(take({ type: 'purge', 'content.ccid': ['film'] })).toBe('created');
  expect(take({ type: 'purge', 'content.patterns': [{ pattern: '/film/*', 'case-sensitive': true }] })).toBe('created');
  expect(take({ type: 'purge', 'content.urls': ['/film/v1/1.m4s', '/other/v1.mp4'] })).toBe('not-yours');
  expect(take({ type: 'purge', 'content.patterns': [{ pattern: '/fil*', 'case-sensitive': true }] })).toBe('not-yours');
  expect(take({ type: 'purge', 'content.patterns': [{ pattern: '/FILM/*' }] })).toBe('not-yours');
  expect(take({ type: 'purge', 'content.ccid': ['other'] })).toBe('not-yours');
  expect(take({ type: 'purge', 'content.ccid': ['a-tag'] })).toBe('not-yours');
  expect(rig.desk.list(acme)).toHaveLength(3);
});

test('the operator sees what every sender began, by whom, and takes it back', async () => {
  await using rig = await openDesk();
  const id = rig.give(PURGE, { name: 'acme', prefixes: ['/'] });
  expect(rig.desk.list(OPERATOR)).toMatchObject([{ triggerId: id }]);
  expect(rig.desk.view(OPERATOR, id)?.trigger.owner).toBe('acme');
  expect(rig.desk.delete(OPERATOR, id)).toBe(true);
});

test('what calendars purge has one name, is the operator to see, and old triggers are forgotten', async () => {
  await using rig = await openDesk();
  rig.desk.purgePaths('retired-film-1', ['/film/v1/1.m4s'], 'film');
  rig.desk.purgePaths('retired-film-1', ['/film/v1/1.m4s'], 'film');
  expect(rig.desk.list(OPERATOR)).toHaveLength(1);
  expect(rig.desk.list(CALENDAR)).toHaveLength(1);
  await rig.world.clock.advance(86_400_001);
  atOnce(rig.desk.afterCycle());
  expect(rig.desk.list(OPERATOR)).toEqual([]);
});

test('prepositions that wait for their window keep no purge waiting', async () => {
  await using part = await openDesk();
  const { give, desk, holders } = part;
  holders.set('a1', ['film/v2']);
  for (let index = 0; index < 80; index += 1) give({ type: 'preposition', 'content.urls': ['/film/v2/1.m4s'] });
  atOnce(desk.afterCycle());
  expect(desk.openFor('a1')).toHaveLength(64);
  const purge = give(PURGE);
  const [first, second] = desk.openFor('a1');
  expect([first?.triggerId, second?.type]).toEqual([purge, 'preposition']);
});

test('a sender who floods is stopped, by what is kept of him, whatever became of it; others are not', async () => {
  await using part = await openDesk();
  const { give, store } = part;
  const sender: TriggerOwner = { name: 'acme', prefixes: ['/'] };
  give({ type: 'unheard-of', 'content.urls': ['/a'], 'oca.note': 'x'.repeat(10_000) }, sender);
  expect(store.keptOf('acme')).toMatchObject({ count: 1, bytes: expect.closeTo(10_200, -3) as number });
  const kept = vi.spyOn(store, 'keptOf');
  for (const flood of [
    { count: 20_000, bytes: 0 },
    { count: 1, bytes: 2 ** 28 },
  ]) {
    kept.mockImplementation((owner) => (owner === 'acme' ? flood : { count: 0, bytes: 0 }));
    expect(() => give(PURGE, sender)).toThrow(expect.objectContaining({ code: 'OVERLOADED' }));
    give(PURGE, { ...sender, name: 'other' });
  }
});

test('titles are found in one search, however many a command names', async () => {
  await using part = await openDesk();
  const { give, desk } = part;
  const id = give({ type: 'purge', 'content.ccid': ['film', 'nobody', 'other'] });
  expect(desk.openFor('a1')).toMatchObject([
    {
      triggerId: id,
      paths: ['/film/v1/1.m4s', '/film/v1/2.m4s', '/film/v2/1.m4s', '/other/v1.mp4'],
      tags: ['nobody'],
    },
  ]);
  const owner: TriggerOwner = { name: 'acme', prefixes: ['/film/'] };
  const take = (ccids: string[]) =>
    desk.take(owner, { trigger: { type: 'purge', 'content.ccid': ccids }, 'cdn-path': ['AS1:0'] });
  expect(take(['film']).kind).toBe('created');
  expect(take(['film', 'other'])).toEqual({ kind: 'not-yours', what: 'other' });
  expect(take(['nobody'])).toEqual({ kind: 'not-yours', what: 'nobody' });
});
