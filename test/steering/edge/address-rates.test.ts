import { expect, test } from 'vitest';
import { AddressRates } from '../../../steering/edge/address-rates.ts';
import { FakeWorld } from '../../support/fake-world.ts';

test('each address has its rate, and each second begins anew', async () => {
  const world = new FakeWorld();
  const rates = new AddressRates(world, { max: 3 });
  const ask = (address: string, times: number) => Array.from({ length: times }, () => rates.admit(address));
  expect(ask('a', 4)).toEqual([true, true, true, false]);
  expect(ask('b', 3)).toEqual([true, true, true]);
  await world.clock.advance(1000);
  expect(ask('a', 1)).toEqual([true]);
});

test('a flood of addresses does not grow the table for ever, and does not block anybody', () => {
  // One in ten thousand shares its counter with another one, by their hashes; no three do.
  const rates = new AddressRates(new FakeWorld(), { max: 2 });
  for (let index = 0; index < 60_000; index += 1) expect(rates.admit(`address-${index}`)).toBe(true);
});

test('one host with a /64 of IPv6 addresses is one, its neighbour another', () => {
  const rates = new AddressRates(new FakeWorld(), { max: 2 });
  expect(['2001:db8::1', '2001:db8::2', '2001:db8::ffff:3'].map((address) => rates.admit(address))).toEqual([
    true,
    true,
    false,
  ]);
  expect(rates.admit('2001:db8:0:1::1')).toBe(true);
});

test('where it shall be, a whole site of IPv6 is one, for as long as is said', async () => {
  const world = new FakeWorld();
  const rates = new AddressRates(world, { max: 1, windowMs: 5000, ipv6Bits: 48 });
  expect(['2001:db8::1', '2001:db8:0:7::1', '2001:db8:1::1'].map((address) => rates.admit(address))).toEqual([
    true,
    false,
    true,
  ]);
  await world.clock.advance(4999);
  expect(rates.admit('2001:db8:0:ff::1')).toBe(false);
  await world.clock.advance(1);
  expect(rates.admit('2001:db8:0:ff::1')).toBe(true);
});
