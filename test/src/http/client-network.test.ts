import { expect, test } from 'vitest';
import { clientNetwork, neighbourhoodOf } from '../../../src/http/client-network.ts';

test.each([
  ['203.0.113.9', '203.0.113.9', '203.0.113.0/24'],
  ['::ffff:203.0.113.9', '203.0.113.9', '203.0.113.0/24'],
  ['2001:db8:0:7::1', '2001:db8:0:7', '2001:db8:0::/48'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2', '2001:db8:1::/48'],
  ['fe80::1%eth0', 'fe80:0:0:0', 'fe80:0:0::/48'],
])('%s is customer %s in %s', (address, network, neighbourhood) => {
  expect(clientNetwork(address)).toBe(network);
  expect(neighbourhoodOf(network)).toBe(neighbourhood);
});
