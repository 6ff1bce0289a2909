import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { SessionLedger } from '../../../steering/accounting/session-ledger.ts';
import { locateClient } from '../../../steering/answer/locate-client.ts';
import { type PublicApi, queryOf, sessionOf } from '../../../steering/api/public-api.ts';
import { RouteTable } from '../../../steering/routing/route-table.ts';
import { FakeWorld } from '../../support/fake-world.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const NO_API = {} as PublicApi;

test('a session that is remembered does not keep the request that named it', () => {
  const ledger = new SessionLedger(new FakeWorld().clock);
  const answer = {
    titleId: 'bars',
    client: locateClient('203.0.113.7', new RouteTable().current()),
    firstId: 'north-1',
    firstClass: 'nearest',
    bitsPerSec: 8e6,
    nearestSiteId: 'north',
  } as const;
  collect();
  const before = process.memoryUsage().heapUsed;
  for (let index = 0; index < 5000; index += 1) {
    const url = Buffer.from(`/v1/steering/hls?s=${String(index).padStart(64, 's')}&z=${'x'.repeat(8000)}`);
    ledger.open(sessionOf(queryOf({ url: url.toString('latin1') }).last('s'), NO_API), answer);
  }
  collect();
  const keptBytes = process.memoryUsage().heapUsed - before;
  expect(ledger.recent(1000, 10_000)).toHaveLength(5000);
  // The requests have 40 MB.
  expect(keptBytes).toBeLessThan(8e6);
});
