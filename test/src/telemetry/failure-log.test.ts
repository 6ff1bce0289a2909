import { beforeEach, describe, expect, it } from 'vitest';
import { OperationalError } from '../../../src/errors/operational-error.ts';
import { FailureLog } from '../../../src/telemetry/failure-log.ts';
import type { Logger } from '../../../src/telemetry/logger.ts';

let lines: string[];
let log: FailureLog;

beforeEach(() => {
  lines = [];
  const record = (level: string) => (_fields: object, message: string) => void lines.push(`${level} ${message}`);
  const logger: Logger = {
    debug: record('debug'),
    info: record('info'),
    warn: record('warn'),
    error: record('error'),
    child: () => logger,
  };
  log = new FailureLog(logger, 'reach the moon');
});

const away = new OperationalError('SERVICE_UNREACHABLE', 'moon');
const refused = (answeredStatus: number) => new OperationalError('SERVICE_STATUS', 'moon', { answeredStatus });

describe('the log of a thing that fails again and again', () => {
  it('has one line for an hour of the same failure, and one when it is over', () => {
    for (let time = 0; time < 1000; time += 1) log.failed(away);
    expect(log.failures).toBe(1000);
    log.worked();
    log.worked();
    expect(lines).toEqual(['warn cannot reach the moon', 'info can reach the moon again']);
    expect(log.failures).toBe(0);
  });

  it('has a line for each way to fail', () => {
    for (const error of [away, refused(503), refused(503), refused(401), new Error('other')]) log.failed(error);
    expect(lines).toHaveLength(4);
  });

  it('has no line when it always works', () => {
    log.worked();
    expect(lines).toEqual([]);
  });
});
