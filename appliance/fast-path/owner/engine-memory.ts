/**
 * Which engine the next start takes, after the fast one has died.
 *
 * Code that calls the kernel by address can end a process in ways that no `catch` sees, and a supervisor that starts it
 * anew starts the same trouble anew. The reference engine has none of that code: an appliance that is slower is worth
 * more than one that is away. So ends of the fast engine are remembered in the state, and some within minutes of each
 * other choose the reference engine for a day, or until another version is installed.
 *
 * An end that a thread's death was seen to cause is a crash, and two are enough. Of others (a segmentation fault, but a
 * `kill -9` or a power cut just as well) nothing is known but that there was no farewell: of these it takes four, so
 * that an operator who kills an appliance twice does not slow it down.
 *
 * Limits: it is asked at a start only. A process that began with the reference engine keeps it.
 */
import { join } from 'node:path';
import { z } from 'zod';
import { isOperational, messageOf } from '../../../src/errors/operational-error.ts';
import { readStateFile, writeStateFile } from '../../../src/state/state-file.ts';
import type { Logger } from '../../../src/telemetry/logger.ts';
import type { Clock } from '../../../src/world/world.ts';

const WINDOW_MS = 600_000;
const MAX_CRASHES = 2;
const MAX_SILENT_ENDS = 4;
const REST_MS = 86_400_000;
/** More are never needed to decide. */
const MAX_REMEMBERED = 16;

const memorySchema = z.object({
  version: z.literal(1),
  /** Of the software that it is known of. */
  software: z.string(),
  ends: z.array(z.object({ atMs: z.number(), kind: z.enum(['crash', 'silent']) })).max(MAX_REMEMBERED),
  /** When the fast engine that runs, or ended without a word, began. */
  runningSinceMs: z.number().optional(),
  /** From when on the reference engine was chosen for what happened. */
  restingSinceMs: z.number().optional(),
});
type Memory = z.infer<typeof memorySchema>;

export interface EngineMemoryOptions {
  readonly stateDir: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly softwareVersion: string;
}

export class EngineMemory {
  readonly #file: string;
  readonly #options: EngineMemoryOptions;
  #memory: Memory;
  #rests = false;

  constructor(options: EngineMemoryOptions) {
    this.#options = options;
    this.#file = join(options.stateDir, 'engine.json');
    this.#memory = this.#nothing();
  }

  /** Why the fast engine must rest now; undefined when it may begin. Only looks: the state may be another's still. */
  whyToRest(): string | undefined {
    const nowMs = this.#options.clock.nowMs();
    const known = this.#load();
    const { runningSinceMs, restingSinceMs } = known;
    this.#memory = runningSinceMs === undefined ? known : withEnd(known, { atMs: nowMs, kind: 'silent' });
    // A clock that was put back must not make it rest for ever.
    const isResting = restingSinceMs !== undefined && nowMs - restingSinceMs < REST_MS && restingSinceMs <= nowMs;
    if (!isResting) this.#memory = { ...this.#memory, restingSinceMs: undefined };
    const because = isResting ? 'it crashed within the last day' : judgeEnds(this.#memory, nowMs);
    this.#rests = because !== undefined;
    return because;
  }

  /** A process begins; with the reference engine, if not with the fast one, which may have other reasons than a rest. */
  begin(isFast: boolean): void {
    if (!isFast && !this.#rests) return;
    const nowMs = this.#options.clock.nowMs();
    const { restingSinceMs = nowMs } = this.#memory;
    this.#memory = isFast
      ? { ...this.#memory, runningSinceMs: nowMs }
      : { ...this.#memory, runningSinceMs: undefined, restingSinceMs };
    this.#keep();
  }

  /** It ends because a thread of it died. */
  crashed(): void {
    const end = { atMs: this.#options.clock.nowMs(), kind: 'crash' } as const;
    this.#memory = { ...withEnd(this.#memory, end), runningSinceMs: undefined };
    this.#keep();
  }

  /** It ended as it was asked to. */
  ended(): void {
    if (this.#memory.runningSinceMs === undefined) return;
    this.#memory = { ...this.#memory, runningSinceMs: undefined };
    this.#keep();
  }

  #nothing(): Memory {
    return { version: 1, software: this.#options.softwareVersion, ends: [] };
  }

  /** What is not readable is forgotten, and so is what another version did. */
  #load(): Memory {
    const { logger, softwareVersion } = this.#options;
    try {
      const document = readStateFile(this.#file);
      if (document === undefined) return this.#nothing();
      const memory = memorySchema.parse(document);
      return memory.software === softwareVersion ? memory : this.#nothing();
    } catch (error) {
      logger.warn({ error: messageOf(error) }, 'how the engines ended before is not known any more');
      return this.#nothing();
    }
  }

  #keep(): void {
    try {
      writeStateFile(this.#file, this.#memory, { durable: false });
    } catch (error) {
      if (!isOperational(error)) throw error;
      this.#options.logger.warn({ error }, 'cannot remember which engine runs: a crash of it will not be known');
    }
  }
}

function judgeEnds({ ends }: Memory, nowMs: number): string | undefined {
  const recent = ends.filter(({ atMs }) => nowMs - atMs < WINDOW_MS && atMs <= nowMs);
  const crashes = recent.filter(({ kind }) => kind === 'crash').length;
  if (crashes >= MAX_CRASHES) return `it crashed ${crashes} times within ten minutes`;
  if (recent.length < MAX_SILENT_ENDS) return undefined;
  return `the process ended ${recent.length} times within ten minutes without being stopped`;
}

const withEnd = (memory: Memory, end: Memory['ends'][number]): Memory => ({
  ...memory,
  ends: [...memory.ends, end].slice(-MAX_REMEMBERED),
});
