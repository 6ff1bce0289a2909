import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { seededRandom } from '../workloads/trace.ts';
import type { OpenLoad, OpenLoopOrder } from './open-loop.ts';

/**
 * Requests by the clock. A generator that waits for an answer before it asks again asks less while the service is slow,
 * and so leaves out the very moments that it should measure (coordinated omission). Here each request has a time at
 * which it is due; whoever finds no free connection waits in line, and its latency counts from when it was due.
 * The first two seconds are asked and not counted: this program is being compiled, and would count its own slowness.
 *
 * It sleeps between the milliseconds. Asking the clock without a rest is more exact by half a millisecond, and it takes
 * from the sibling of its core what the service should have: 70 % of what was reached beside a calm sibling is more
 * than that beside a busy one. What it asks is made beforehand, so that it has little for its own collector; how
 * late its own clock ticked it tells, because that is in the latencies too.
 */
const WARM_SECONDS = 2;
const TICK_MS = 1;
const QUESTIONS = 20_000;
const order = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as OpenLoopOrder;
const { hostname, port } = new URL(order.url);
const intervalMs = 1000 / order.requestsPerSec;
const total = Math.round(order.requestsPerSec * (WARM_SECONDS + order.seconds));
let countedFromMs = 0;
let counted = 0;
let lastTickMs = 0;
let ticks = 0;
const latenciesMs = new Float64Array(total);
const tickGapsMs = new Float64Array((WARM_SECONDS + order.seconds + 5) * 1000);
const idle: Connection[] = [];
/** Due times of those that wait for a connection, and how many of them are through. */
const waitingMs: number[] = [];
let waitingDone = 0;
let asked = 0;
let sent = 0;
let answered = 0;
let failed = 0;

class Connection {
  readonly #socket: Socket;
  #dueMs = 0;
  #missingBytes = -1;
  #head = '';

  constructor() {
    this.#socket = connect(Number(port), hostname);
    this.#socket.setNoDelay(true);
    this.#socket.on('data', (chunk) => this.#take(chunk));
    this.#socket.on('error', () => {
      failed += 1;
    });
  }

  ask(dueMs: number): void {
    this.#dueMs = dueMs;
    this.#head = '';
    this.#missingBytes = -1;
    this.#socket.write(questions[sent % questions.length] ?? '');
    sent += 1;
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    if (this.#missingBytes >= 0) this.#missingBytes -= chunk.length;
    else {
      this.#head += chunk.toString('latin1');
      const end = this.#head.indexOf('\r\n\r\n');
      if (end === -1) return;
      if (!this.#head.startsWith('HTTP/1.1 200')) failed += 1;
      const length = Number(/content-length: (\d+)/i.exec(this.#head)?.[1]);
      this.#missingBytes = length - (this.#head.length - end - 4);
    }
    if (this.#missingBytes > 0) return;
    answered += 1;
    if (this.#dueMs >= countedFromMs) {
      latenciesMs[counted] = performance.now() - this.#dueMs;
      counted += 1;
    }
    const next = waitingMs[waitingDone];
    if (next === undefined) idle.push(this);
    else {
      waitingDone += 1;
      this.ask(next);
    }
  }
}

function makeQuestions(): string[] {
  const random = seededRandom(order.seed);
  const pick = (texts: readonly string[]): string => texts[Math.floor(random() * texts.length)] ?? '';
  return Array.from({ length: QUESTIONS }, () => {
    const title = order.titles[Math.floor(order.titles.length ** random()) - 1] ?? '';
    const session = String(Math.floor(random() * 400_000)).padStart(9, '0');
    const path = `/v1/steering/hls?a=${title}&s=s${session}&_HLS_pathway=${pick(order.declared)}&_HLS_throughput=${2e6 + Math.floor(random() * 48e6)}`;
    return `GET ${path} HTTP/1.1\r\nHost: steering.example\r\nX-Forwarded-For: ${pick(order.addresses)}\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36\r\nAccept: */*\r\nOrigin: https://tv.example\r\n\r\n`;
  });
}

function percentile(values: Float64Array, count: number, share: number): number {
  const sorted = values.subarray(0, count).toSorted();
  return sorted[Math.min(count - 1, Math.floor(count * share))] ?? Number.NaN;
}

const questions = makeQuestions();
const connections = Array.from({ length: order.connections }, () => new Connection());
idle.push(...connections);
// Time for the connections to be made.
setTimeout(() => {
  const beganMs = performance.now();
  countedFromMs = beganMs + WARM_SECONDS * 1000;
  const endMs = countedFromMs + order.seconds * 1000 + 5000;
  const tick = (): void => {
    const nowMs = performance.now();
    if (lastTickMs > countedFromMs) {
      tickGapsMs[ticks] = nowMs - lastTickMs;
      ticks += 1;
    }
    lastTickMs = nowMs;
    for (
      let dueMs = beganMs + asked * intervalMs;
      asked < total && dueMs <= nowMs;
      dueMs = beganMs + asked * intervalMs
    ) {
      asked += 1;
      const free = idle.pop();
      if (free === undefined) waitingMs.push(dueMs);
      else free.ask(dueMs);
    }
    if (answered < total && nowMs < endMs) return;
    clearInterval(ticking);
    for (const connection of connections) connection.close();
    const load: OpenLoad = {
      askedPerSec: order.requestsPerSec,
      answered,
      failed: failed + total - answered,
      p50Ms: percentile(latenciesMs, counted, 0.5),
      p99Ms: percentile(latenciesMs, counted, 0.99),
      p999Ms: percentile(latenciesMs, counted, 0.999),
      worstMs: percentile(latenciesMs, counted, 1),
      ownP99Ms: percentile(tickGapsMs, ticks, 0.99),
      ownWorstMs: percentile(tickGapsMs, ticks, 1),
    };
    process.stdout.write(`${JSON.stringify(load)}\n`);
  };
  const ticking = setInterval(tick, TICK_MS);
}, 300);
