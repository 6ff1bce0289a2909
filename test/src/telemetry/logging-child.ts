/** A process that logs, for the tests of what happens to it when its log goes nowhere. */
import { OperationalError } from '../../../src/errors/operational-error.ts';
import { createLogger } from '../../../src/telemetry/logger.ts';

const logger = createLogger('child', 'info');
const say = (text: string): void => void process.stdout.write(`${text}\n`);
process.on('uncaughtException', (error) => {
  say(`died of ${error.message}`);
  process.exit(9);
});
process.on('SIGTERM', () => {
  logger.info({}, 'stopping');
  process.exit(0);
});

switch (process.argv[2]) {
  case 'errors': {
    const cause = new Error('connect ECONNREFUSED');
    logger.warn({ error: new OperationalError('SOURCE_UNREACHABLE', 'GET http://o/x', { cause }) }, 'foreseen');
    logger.error({ error: new Error('not foreseen', { cause }), token: 'secret', plain: { token: 'secret' } }, 'bug');
    break;
  }
  case 'exit':
    for (let number = 0; number < 1000; number += 1) logger.info({ number }, 'line');
    setTimeout(() => {
      logger.info({ number: 1000 }, 'the last line');
      process.exit(3);
    }, 20);
    break;
  case 'steady': {
    let round = 0;
    setInterval(() => {
      logger.info({ round }, 'line');
      round += 1;
      say(`round ${round}`);
    }, 5);
    break;
  }
  default: {
    const before = process.memoryUsage().rss;
    const text = 'x'.repeat(10_000);
    let lines = 0;
    const flood = setInterval(() => {
      for (let count = 0; count < 500; count += 1) logger.info({ text }, 'line');
      lines += 500;
      if (lines < 10_000) return;
      clearInterval(flood);
      const grownBytes = process.memoryUsage().rss - before;
      say(grownBytes < 64e6 ? 'flooded within 64 MB' : `grew by ${grownBytes} bytes`);
      setInterval(() => undefined, 1000);
    }, 1);
  }
}
