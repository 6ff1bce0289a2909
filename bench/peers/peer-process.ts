import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { request } from 'node:http';
import { request as requestTls } from 'node:https';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A server that is measured: a process, and whatever processes it starts. */
export interface PeerProcess {
  readonly url: string;
  /** Of the first process; the others are its children. */
  readonly pid: number;
  /** Of the appliance's operator, where it is one. */
  readonly adminUrl?: string;
  stop(): Promise<void>;
}

const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 15_000;
const LOOK_MS = 50;

export interface PeerCommand {
  readonly words: readonly string[];
  /** Cores it may use, from its first instruction on: programs start as many threads as they see cores. */
  readonly cores: readonly number[];
  readonly url: string;
  /** A path that is answered with 2xx as soon as it serves. */
  readonly probePath: string;
  readonly logFile: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** Starts a server and waits until it answers. @throws Error with the log's place when it does not */
export async function startPeer(command: PeerCommand): Promise<PeerProcess> {
  const log = openSync(command.logFile, 'a');
  const child = spawn('taskset', ['-c', command.cores.join(','), ...command.words], {
    stdio: ['ignore', log, log],
    // A group of its own: Ctrl-C reaches the bench alone, which then stops everything in order.
    detached: true,
    env: { ...process.env, ...command.environment },
  });
  closeSync(log);
  const failures: Error[] = [];
  child.once('error', (error) => failures.push(error));
  const deadlineMs = performance.now() + START_TIMEOUT_MS;
  while (performance.now() < deadlineMs && child.exitCode === null && failures.length === 0) {
    if (await answers(command.url + command.probePath))
      return { url: command.url, pid: child.pid ?? 0, stop: () => stop(child) };
    await sleep(LOOK_MS);
  }
  child.kill('SIGKILL');
  throw new Error(`${command.words[0]} does not answer, see ${command.logFile}`, { cause: failures[0] });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const backstop = setTimeout(() => {
    // The whole group: what it started must not outlive it.
    process.kill(-(child.pid ?? 0), 'SIGKILL');
  }, STOP_TIMEOUT_MS);
  await gone;
  clearTimeout(backstop);
}

function answers(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const ask = url.startsWith('https:') ? requestTls : request;
    const asked = ask(url, { headers: { range: 'bytes=0-0' }, rejectUnauthorized: false, agent: false }, (response) => {
      response.resume();
      response.once('close', () => resolve((response.statusCode ?? 500) < 300));
    });
    asked.once('error', () => resolve(false));
    asked.end();
  });
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
