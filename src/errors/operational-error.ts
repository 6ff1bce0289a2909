import { ERROR_CODES, type ErrorCode } from './error-codes.ts';

/**
 * A failure that was foreseen: of a disk, a network, a peer, a configuration. Its code is stable and is what logs,
 * metrics and callers act on; the detail is for people. A bug is never an OperationalError.
 */
export class OperationalError extends Error {
  readonly code: ErrorCode;
  readonly detail: string;
  /** The HTTP status that the source or service answered with, where that is what failed. */
  readonly answeredStatus: number | undefined;

  constructor(code: ErrorCode, detail: string, options?: { cause?: unknown; answeredStatus?: number }) {
    super(`${ERROR_CODES[code].says} (${detail})`, options);
    this.name = 'OperationalError';
    this.code = code;
    this.detail = detail;
    this.answeredStatus = options?.answeredStatus;
  }
}

export const isOperational = (error: unknown, code?: ErrorCode): error is OperationalError =>
  error instanceof OperationalError && (code === undefined || error.code === code);

/** The message of anything thrown, for a log line or an operator. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
