import { type ChildProcess, spawn } from 'node:child_process';
import { resolve } from 'node:path';

const CLI = resolve(import.meta.dirname, '../src/cli/main.ts');

/** A service of ours as a real process, started by its command line and known by its ready line. */
export class ChildService {
  readonly pid: number;
  /** `name=value` pairs of the ready line. */
  readonly addresses: Readonly<Record<string, string>>;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, readyLine: string) {
    this.#child = child;
    this.pid = child.pid ?? 0;
    this.addresses = Object.fromEntries(
      [...readyLine.matchAll(/(\w+)=(\S+)/g)].map((match) => [match[1] ?? '', match[2] ?? '']),
    );
  }

  static start(words: readonly string[]): Promise<ChildService> {
    const child = spawn(process.execPath, [CLI, ...words], { stdio: ['ignore', 'pipe', 'inherit'] });
    return new Promise((resolve, reject) => {
      let text = '';
      child.stdout.on('data', (piece: Buffer) => {
        text += piece.toString('utf8');
        const line = text.split('\n').find((candidate) => candidate.includes(' ready '));
        if (line !== undefined) resolve(new ChildService(child, line));
      });
      child.once('exit', (code) => reject(new Error(`oca ${words.join(' ')} exited with ${code} before it was ready`)));
    });
  }

  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.#child.once('exit', () => resolve());
      this.#child.kill('SIGTERM');
    });
  }
}
