import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseCalendar, triggerPinId } from '../../../fill-planner/calendar/calendar-document.ts';
import type { Pin } from '../../../fill-planner/calendar/calendar-facts.ts';
import { CalendarStore } from '../../../fill-planner/calendar/calendar-store.ts';
import { temporaryFolder } from '../catalog/demo-title.ts';

const launch = (title: string, more: object = {}) => ({ launches: [{ title, at: '2030-01-01T00:00Z', ...more }] });
const triggerPin: Pin = {
  id: triggerPinId('7', 't/v'),
  subject: { by: 'rendition', renditionId: 't/v' },
  part: 'whole',
  place: { by: 'everywhere' },
  endsAtMs: 5000,
  reason: undefined,
};

test('entries are added, changed and counted once, and a restart finds them', async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'calendar.sqlite');
  let store = new CalendarStore(file);
  expect(store.add(parseCalendar(launch('a')), 1)).toEqual({ added: 1, changed: 0, unchanged: 0, removed: 0 });
  expect(store.add(parseCalendar(launch('a')), 2)).toEqual({ added: 0, changed: 0, unchanged: 1, removed: 0 });
  expect(store.add(parseCalendar(launch('a', { embargo: true })), 3)).toMatchObject({ changed: 1 });
  const facts = store.facts;
  store.close();
  store = new CalendarStore(file);
  expect(store.facts).toEqual(facts);
  expect(store.facts.launches).toMatchObject([{ titleId: 'a', isEmbargoed: true }]);
  store.close();
});

test('a whole calendar takes the place of the old one, but for what triggers have pinned', async () => {
  await using folder = await temporaryFolder();
  const store = new CalendarStore(join(folder.path, 'calendar.sqlite'));
  store.add({ ...parseCalendar(launch('a')), pins: [triggerPin] }, 1);
  expect(store.replace(parseCalendar({ ...launch('b'), pins: [{ title: 'b' }] }), 2)).toEqual({
    added: 2,
    changed: 0,
    unchanged: 0,
    removed: 1,
  });
  expect(store.facts.launches.map(({ titleId }) => titleId)).toEqual(['b']);
  expect(store.facts.pins.map(({ id }) => id)).toEqual(['b everywhere', triggerPin.id]);
  expect(store.remove('launch', (key) => key === 'nothing')).toEqual([]);
  expect(store.remove('launch', (key) => key === 'b')).toEqual(['b']);
  store.close();
});

test('pins go when they end; a retirement is due once, also after a restart', async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'calendar.sqlite');
  let store = new CalendarStore(file);
  store.add({ pins: [triggerPin], retirements: [{ titleId: 'a', retiresAtMs: 1000, deletesAtMs: 2000 }] }, 1);
  store.trim(4999);
  expect(store.facts.pins).toHaveLength(1);
  store.trim(5000);
  expect(store.facts.pins).toEqual([]);
  expect(store.dueDeletions(1999)).toEqual([]);
  const [due] = store.dueDeletions(2000);
  expect(due?.titleId).toBe('a');
  if (due !== undefined) store.noteDeleted(due);
  store.close();
  store = new CalendarStore(file);
  expect(store.dueDeletions(9000)).toEqual([]);
  // The title comes back and retires anew: that is another deletion.
  store.add({ retirements: [{ titleId: 'a', retiresAtMs: 7000, deletesAtMs: 8000 }] }, 1);
  expect(store.dueDeletions(9000)).toHaveLength(1);
  store.close();
});
