import { expect, test } from 'vitest';
import { FleetRegistry } from '../../../steering/fleet/fleet-registry.ts';
import { FakeWorld } from '../../support/fake-world.ts';
import { heartbeat, NOW_MS } from '../samples.ts';

function registry() {
  const { clock } = new FakeWorld();
  return { clock, fleet: new FleetRegistry({ clock, leaseMs: 6000, preserveMs: 300_000 }) };
}

test('an appliance serves while its heartbeats come, whatever the wall clock does', async () => {
  const { clock, fleet } = registry();
  expect(fleet.accept(heartbeat('a'))).toBe('joined');
  for (let sequence = 2; sequence < 10; sequence += 1) {
    await clock.advance(2000);
    clock.jumpWallClock(-3_600_000);
    expect(fleet.accept(heartbeat('a', { sequence }))).toBe('accepted');
    expect(fleet.view().servingIds).toEqual(['a']);
  }
  await clock.advance(5999);
  expect(fleet.view().servingIds).toEqual(['a']);
  await clock.advance(1);
  expect(fleet.view().members[0]?.lease).toEqual({ kind: 'expired', silentMs: 6000 });
  expect(fleet.view().servingIds).toEqual([]);
});

test('a heartbeat that comes late or twice changes nothing', () => {
  const { fleet } = registry();
  fleet.accept(heartbeat('a', { sequence: 5 }));
  expect(fleet.accept(heartbeat('a', { sequence: 5, state: 'draining' }))).toBe('out-of-order');
  expect(fleet.accept(heartbeat('a', { sequence: 4, state: 'draining' }))).toBe('out-of-order');
  expect(fleet.view().members[0]?.state).toBe('serving');
});

test('a restart begins a new sequence, and a late heartbeat of the instance before is dropped', () => {
  const { fleet } = registry();
  fleet.accept(heartbeat('a', { instanceId: 'first-instance', sequence: 900 }));
  expect(fleet.accept(heartbeat('a', { instanceId: 'second-instance', sequence: 0, state: 'starting' }))).toBe(
    'restarted',
  );
  expect(fleet.accept(heartbeat('a', { instanceId: 'first-instance', sequence: 901 }))).toBe('out-of-order');
  expect(fleet.view().members[0]?.state).toBe('starting');
});

test('a restored appliance is doubtful until it is heard', async () => {
  const { clock, fleet } = registry();
  fleet.restore(heartbeat('a', { sequence: 7 }), NOW_MS - 60_000);
  expect(fleet.view().members[0]?.lease.kind).toBe('doubtful');
  await clock.advance(200);
  expect(fleet.accept(heartbeat('a', { sequence: 8 }))).toBe('accepted');
  expect(fleet.view().members[0]?.lease.kind).toBe('current');
});

test('a view does not change while it is used', () => {
  const { fleet } = registry();
  fleet.accept(heartbeat('a'));
  const before = fleet.view();
  fleet.accept(heartbeat('a', { sequence: 2, state: 'drained' }));
  expect(before.members[0]?.state).toBe('serving');
  expect(fleet.view().members[0]?.state).toBe('drained');
});

test('who has been silent for long enough is forgotten', async () => {
  const { clock, fleet } = registry();
  fleet.accept(heartbeat('a'));
  await clock.advance(10_000);
  fleet.accept(heartbeat('b'));
  expect(fleet.forgetSilent(9999)).toEqual(['a']);
  expect(fleet.view().members.map(({ id }) => id)).toEqual(['b']);
});

test('the table of appliances has an end', () => {
  const { fleet } = registry();
  for (let index = 0; index < 10_000; index += 1) fleet.accept(heartbeat(`a${index}`));
  expect(fleet.accept(heartbeat('one-too-many'))).toBe('fleet-full');
  expect(fleet.accept(heartbeat('a5', { sequence: 2 }))).toBe('accepted');
});

test('when thousands come at once, a view is not made anew for each of them, and all are seen within milliseconds', async () => {
  const { clock, fleet } = registry();
  for (let index = 0; index < 2000; index += 1) fleet.accept(heartbeat(`a${index}`));
  await clock.advance(1000);
  const views = new Set<unknown>([fleet.view()]);
  for (let index = 0; index < 1000; index += 1) {
    fleet.accept(heartbeat(`a${index}`, { instanceId: 'second-instance', state: 'starting' }));
    views.add(fleet.view());
    if (index % 10 === 9) await clock.advance(1);
  }
  expect(views.size).toBeLessThanOrEqual(7);
  await clock.advance(20);
  expect(fleet.view().servingIds).toHaveLength(1000);
});

test('a new view has those again of whom nothing new is known, in the order of their ids, and the others as they are', async () => {
  const { clock, fleet } = registry();
  for (const id of ['c', 'a', 'b']) fleet.accept(heartbeat(id));
  const before = fleet.view();
  await clock.advance(1000);
  fleet.accept(heartbeat('b', { sequence: 2, softwareVersion: '9.9.9' }));
  const after = fleet.view();
  expect(after.members.map(({ id, softwareVersion }) => [id, softwareVersion])).toEqual([
    ['a', before.members[0]?.softwareVersion],
    ['b', '9.9.9'],
    ['c', before.members[2]?.softwareVersion],
  ]);
  expect([after.byId.get('a'), after.byId.get('c')]).toEqual([before.byId.get('a'), before.byId.get('c')]);
  expect(after.byId.get('a')).toBe(before.byId.get('a'));
  await clock.advance(5500);
  expect(fleet.view().members.map(({ lease }) => lease.kind)).toEqual(['doubtful', 'current', 'doubtful']);
});
