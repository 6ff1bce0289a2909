import { FollowedFiles } from '../../../src/config/followed-files.ts';
import type { Service } from '../../../src/lifecycle/service.ts';
import type { Logger } from '../../../src/telemetry/logger.ts';
import type { World } from '../../../src/world/world.ts';

/** What a file holds, why it cannot be used, or why it is not used yet. */
export type LoadedFile<T> =
  | { readonly kind: 'good'; readonly content: T }
  | { readonly kind: 'broken'; readonly problems: readonly string[] }
  | { readonly kind: 'doubtful'; readonly content: T; readonly because: string };

export interface WatchedFileOptions<T> {
  readonly file: string;
  /** What it is, for the log: `table of prefixes`. */
  readonly what: string;
  readonly pollMs: number;
  readonly maxBytes: number;
  /** How long doubtful content is held. */
  readonly holdMs: number;
  readonly world: World;
  readonly logger: Logger;
  readonly load: (file: string) => Promise<LoadedFile<T>>;
  /** Takes what is good into use. @returns what the log tells of it */
  readonly onContent: (content: T) => object;
  /** Whether the file as it is now can be used. What was in use before stays. */
  readonly onState: (state: FileState) => void;
}

export type FileState = 'good' | 'broken' | 'held';

/**
 * A file of the operator's that says where clients are, read again when it changes. What is broken changes nothing;
 * what is doubtful (a mass change) is held for a time, or until it is accepted.
 */
export class WatchedFile<T> implements Service {
  readonly #options: WatchedFileOptions<T>;
  readonly #files: FollowedFiles;
  #held: { readonly content: T; readonly because: string; readonly untilMs: number } | undefined;

  constructor(options: WatchedFileOptions<T>) {
    this.#options = options;
    const { file, maxBytes, pollMs, world } = options;
    this.#files = new FollowedFiles({
      files: [file],
      maxBytes,
      pollMs,
      world,
      onChange: () => this.#load(),
      onUnchanged: () => this.#lookAtHeld(),
      onState: (problem) => problem !== undefined && this.#refuse([problem]),
    });
  }

  /** Reads the file once, then goes on looking. */
  start(): Promise<void> {
    return this.#files.start();
  }

  stop(deadlineMs: number): Promise<void> {
    return this.#files.stop(deadlineMs);
  }

  /** Why what the file says now is held, for the operator. */
  get heldBecause(): string | undefined {
    return this.#held?.because;
  }

  /** Takes what is held into use. @returns whether there was anything */
  accept(): boolean {
    if (this.#held === undefined) return false;
    this.#use(this.#held.content);
    return true;
  }

  async #load(): Promise<void> {
    const { file, load } = this.#options;
    const loaded = await load(file);
    if (loaded.kind === 'broken') this.#refuse(loaded.problems);
    else if (loaded.kind === 'doubtful') this.#hold(loaded.content, loaded.because);
    else this.#use(loaded.content);
  }

  #lookAtHeld(): void {
    const held = this.#held;
    if (held !== undefined && this.#options.world.clock.monotonicMs() >= held.untilMs) this.#use(held.content);
  }

  #use(content: T): void {
    const { file, what, logger, onContent, onState } = this.#options;
    this.#held = undefined;
    const fields = onContent(content);
    onState('good');
    logger.info({ file, ...fields }, `${what} in use`);
  }

  #hold(content: T, because: string): void {
    const { file, what, holdMs, world, logger, onState } = this.#options;
    const untilMs = this.#held?.untilMs ?? world.clock.monotonicMs() + holdMs;
    this.#held = { content, because, untilMs };
    onState('held');
    logger.error(
      { file, because, holdMs },
      `${what} held: the one before stays in use until this one has lasted, or 'oca routes accept'`,
    );
    this.#lookAtHeld();
  }

  #refuse(problems: readonly string[]): void {
    const { file, what, logger, onState } = this.#options;
    this.#held = undefined;
    logger.error({ file, problems }, `${what} not taken: the one before stays in use`);
    onState('broken');
  }
}
