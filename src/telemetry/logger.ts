import { pino } from 'pino';
import { isOperational } from '../errors/operational-error.ts';
import { LogLines } from './log-lines.ts';

/** Structured logs: one JSON line per event on stderr, as far as the level lets it through. Fields first, then a sentence. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  child(fields: object): Logger;
}

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

const STANDARD_ERROR = 2;
const MAX_WAITING_CHARS = 4 * 2 ** 20;

/**
 * Logs go to stderr, so that stdout keeps to the one ready line that people and scripts wait for. Fields that may hold
 * secrets are redacted by name.
 */
export function createLogger(service: string, level: LogLevel): Logger {
  const lines = new LogLines(STANDARD_ERROR, {
    maxWaitingChars: MAX_WAITING_CHARS,
    onLost: (lostLines) => logger.warn({ lostLines }, 'log lines were lost: whatever takes the log took nothing'),
  });
  const logger: Logger = pino(
    {
      level,
      base: { service },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: describeError },
      redact: ['token', '*.token', 'authorization', '*.authorization', 'privateKey', '*.privateKey'],
    },
    lines,
  );
  return logger;
}

/** A foreseen failure says in its words what happened and where; only a bug needs its stack and causes. */
function describeError(error: unknown): unknown {
  if (isOperational(error)) return { code: error.code, message: error.message };
  return error instanceof Error ? pino.stdSerializers.err(error) : error;
}

const nothing = (): void => undefined;
export const silentLogger: Logger = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  child: () => silentLogger,
};
