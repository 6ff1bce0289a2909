/**
 * Everything that runs: a service, and the parts it starts. `start` resolves when it can be used; `stop` resolves when
 * nothing of it runs any more, at the latest at the deadline.
 */
export interface Service {
  start(): Promise<void>;
  /** @param deadlineMs how long it may take to finish what is in hand before it is cut. */
  stop(deadlineMs: number): Promise<void>;
}

/** A service as a process runs it: what to print when ready, and what to do before stopping. */
export interface ProcessService extends Service {
  /** `name: address` lines of the ready line, known after start. */
  addresses(): Readonly<Record<string, string>>;
  /** Told at SIGTERM, before stop: becomes unready, tells others, keeps serving. Resolves when it may be stopped. */
  drain?(): Promise<void>;
  /** How long `drain` may take at the most; 0 when not given. The process is not ended for it before. */
  readonly longestDrainMs?: number;
}
