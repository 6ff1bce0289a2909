import { expect, it } from 'vitest';
import { type Logger, silentLogger } from '../../../src/telemetry/logger.ts';
import { ThrottledLog } from '../../../src/telemetry/throttled-log.ts';

it('writes one warning per interval, with how many were left out before it', () => {
  const written: object[] = [];
  const logger: Logger = { ...silentLogger, warn: (fields) => void written.push(fields) };
  let nowMs = 0;
  const log = new ThrottledLog(logger, 1000, () => nowMs);
  for (nowMs of [0, 1, 999, 1000, 1999, 5000, 7000]) log.warn({ at: nowMs }, 'refused');
  expect(written).toEqual([{ at: 0 }, { at: 1000, leftOut: 2 }, { at: 5000, leftOut: 1 }, { at: 7000 }]);
});
