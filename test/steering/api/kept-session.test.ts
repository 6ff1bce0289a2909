import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { type PublicApi, queryOf, sessionOf } from '../../../steering/api/public-api.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const NO_API = {} as PublicApi;

test('a session that is remembered does not keep the request that named it', () => {
  const sessions: string[] = [];
  collect();
  const before = process.memoryUsage().heapUsed;
  for (let index = 0; index < 5000; index += 1) {
    const url = Buffer.from(`/v1/steering/hls?s=${String(index).padStart(64, 's')}&z=${'x'.repeat(8000)}`);
    sessions.push(sessionOf(queryOf({ url: url.toString('latin1') }).get('s'), NO_API));
  }
  collect();
  const keptBytes = process.memoryUsage().heapUsed - before;
  expect(sessions).toHaveLength(5000);
  // The requests have 40 MB.
  expect(keptBytes).toBeLessThan(8e6);
});
