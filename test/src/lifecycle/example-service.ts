/** A service for the tests of `runService`: behaves as its first argument says. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { OperationalError } from '../../../src/errors/operational-error.ts';
import { runService } from '../../../src/lifecycle/run-service.ts';
import { createLogger } from '../../../src/telemetry/logger.ts';

const [, , behaviour = '', deadlineMs = '1000'] = process.argv;
const say = (text: string): void => void process.stdout.write(`${text}\n`);
// Something that keeps the process alive, as a listener does.
const listener = setInterval(() => undefined, 1000);

await runService(
  'example',
  {
    async start() {
      if (behaviour === 'config') throw new OperationalError('CONFIG_INVALID', '--listen is wrong');
      if (behaviour === 'disk') throw new OperationalError('VOLUME_IO', 'disk 2');
      if (behaviour === 'slow-start') {
        say('starting');
        await sleep(60_000);
      }
      if (behaviour === 'unread') await once(process, 'message');
      await sleep(1);
    },
    ...(behaviour === 'long-drain' ? { longestDrainMs: 60_000 } : {}),
    addresses: () => ({ http: '127.0.0.1:1234', admin: '[::1]:1' }),
    async drain() {
      say('draining');
      if (behaviour === 'slow-drain') await sleep(60_000);
      // Longer than the deadline of the stop that follows and all the grace after it.
      if (behaviour === 'long-drain') await sleep(6000);
    },
    async stop(givenMs) {
      say(`stopping within ${givenMs}`);
      if (behaviour === 'stop-fails') throw new Error('store does not close');
      clearInterval(listener);
    },
  },
  createLogger('example', 'info'),
  Number(deadlineMs),
);
if (behaviour === 'bug') setTimeout(() => decodeURIComponent('%'), 10);
if (behaviour === 'rejection') void Promise.reject(new Error('nobody waited for this'));
if (behaviour === 'unread') setTimeout(() => process.send?.('still here'), 50);
