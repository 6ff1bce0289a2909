import { expect, test } from 'vitest';
import { LoadGuard } from '../../../steering/edge/load-guard.ts';
import { FakeWorld } from '../../support/fake-world.ts';

test('an address and the whole service have their rates, and each second begins anew', async () => {
  const { clock } = new FakeWorld();
  const guard = new LoadGuard({ clock, maxPerSec: 5, maxPerAddressPerSec: 3 });
  const ask = (address: string, times: number) => Array.from({ length: times }, () => guard.admit(address));
  expect(ask('a', 4)).toEqual(['decide', 'decide', 'decide', 'address-busy']);
  expect(ask('b', 3)).toEqual(['decide', 'decide', 'service-busy']);
  await clock.advance(1000);
  expect(ask('a', 1)).toEqual(['decide']);
});

test('a flood of addresses does not grow the table for ever, and does not block anybody', () => {
  const { clock } = new FakeWorld();
  const guard = new LoadGuard({ clock, maxPerSec: 1_000_000, maxPerAddressPerSec: 1 });
  for (let index = 0; index < 60_000; index += 1) expect(guard.admit(`address-${index}`)).toBe('decide');
});

test('one host with a /64 of IPv6 addresses is one, its neighbour another', () => {
  const { clock } = new FakeWorld();
  const guard = new LoadGuard({ clock, maxPerSec: 100, maxPerAddressPerSec: 2 });
  const verdicts = ['2001:db8::1', '2001:db8::2', '2001:db8::ffff:3'].map((address) => guard.admit(address));
  expect(verdicts).toEqual(['decide', 'decide', 'address-busy']);
  expect(guard.admit('2001:db8:0:1::1')).toBe('decide');
});
