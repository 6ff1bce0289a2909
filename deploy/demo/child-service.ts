import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { flagName } from '../../src/config/load-config.ts';

const OCA = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const LAST_LOG_CHARS = 2000;

export interface ChildOptions {
  /** Words of the command line after `node`; see `serviceWords`. */
  readonly words: readonly string[];
  /** Where stderr goes; the terminal when absent. */
  readonly logFile?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** A socket that listens, given to it as systemd gives the socket of a unit (sd_listen_fds(3)). */
  readonly listenFd?: number;
}

/** The pid that the service has to find in its environment is not known before. */
const AS_SYSTEMD = ['/bin/sh', '-c', 'export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=delivery; exec "$@"', 'sh'];

/** The command line of one of our services, with its parameters by their names. */
export const serviceWords = (service: string, parameters: Readonly<Record<string, string | number>>): string[] => [
  OCA,
  service,
  ...Object.entries(parameters).flatMap(([name, value]) => [flagName(name), String(value)]),
];

/**
 * One service as a real process of its own, known by its ready line. It is in its own process group, so that the
 * Ctrl-C of a terminal reaches only whoever started it, who then stops it in order.
 */
export class ChildService {
  /** `name=value` pairs of the ready line. */
  readonly addresses: Readonly<Record<string, string>>;
  readonly readyLine: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, readyLine: string) {
    this.#child = child;
    this.readyLine = readyLine;
    this.addresses = Object.fromEntries(
      [...readyLine.matchAll(/(\w+)=(\S+)/g)].map((match) => [match[1] ?? '', match[2] ?? '']),
    );
  }

  /** Starts it and waits for the ready line. Rejects with the end of its log when it exits before. */
  static start(options: ChildOptions): Promise<ChildService> {
    const { listenFd } = options;
    const before = listenFd === undefined ? [] : AS_SYSTEMD;
    const [command = '', ...words] = [...before, process.execPath, ...options.words];
    const child = spawn(command, words, {
      stdio: ['ignore', 'pipe', 'pipe', ...(listenFd === undefined ? [] : [listenFd])],
      detached: true,
      env: { ...process.env, ...options.environment },
    });
    let log = '';
    if (options.logFile !== undefined) mkdirSync(dirname(options.logFile), { recursive: true });
    const sink = options.logFile === undefined ? process.stderr : createWriteStream(options.logFile, { flags: 'a' });
    child.stderr?.on('data', (piece: Buffer) => {
      log = (log + piece.toString('utf8')).slice(-LAST_LOG_CHARS);
      sink.write(piece);
    });
    return new Promise((resolve, reject) => {
      let output = '';
      child.stdout?.on('data', (piece: Buffer) => {
        output = (output + piece.toString('utf8')).slice(-LAST_LOG_CHARS);
        const line = output.split('\n').find((candidate) => candidate.includes(' ready '));
        if (line !== undefined) resolve(new ChildService(child, line));
      });
      child.once('error', reject);
      child.once('exit', (code, signal) => {
        reject(new Error(`${options.words.slice(1).join(' ')} ended (${signal ?? code}) before it was ready:\n${log}`));
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Null while it runs, and when a signal ended it. */
  get exitCode(): number | null {
    return this.#child.exitCode;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Sends a signal and waits until the process is gone; SIGKILL when it is not gone by the deadline. */
  async end(signal: 'SIGTERM' | 'SIGKILL', deadlineMs = 15_000): Promise<void> {
    if (!this.running) return;
    const gone = new Promise<void>((resolve) => this.#child.once('exit', () => resolve()));
    this.#child.kill(signal);
    const backstop = setTimeout(() => this.#child.kill('SIGKILL'), deadlineMs);
    await gone;
    clearTimeout(backstop);
  }
}
