import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import type { OpenLoad, OpenLoopOrder } from './open-loop.ts';

/**
 * Requests by the clock. A generator that waits for an answer before it asks again asks less while the service is slow,
 * and so leaves out the very moments that it should measure (coordinated omission). Here each request has a time at
 * which it is due; whoever finds no free connection waits in line, and its latency counts from when it was due.
 * The first two seconds are asked and not counted: this program is being compiled, and would count its own slowness.
 */
const WARM_SECONDS = 2;
const order = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as OpenLoopOrder;
const { hostname, port } = new URL(order.url);
const intervalMs = 1000 / order.requestsPerSec;
const total = Math.round(order.requestsPerSec * (WARM_SECONDS + order.seconds));
let countedFromMs = 0;
let counted = 0;
const latenciesMs = new Float64Array(total);
const idle: Connection[] = [];
const waiting: number[] = [];
let asked = 0;
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
    this.#socket.write(question());
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
    const next = waiting.shift();
    if (next === undefined) idle.push(this);
    else this.ask(next);
  }
}

function question(): string {
  const pick = (texts: readonly string[]): string => texts[Math.floor(Math.random() * texts.length)] ?? '';
  const title = order.titles[Math.floor(order.titles.length ** Math.random()) - 1] ?? '';
  const session = Math.floor(Math.random() * 400_000);
  const path = `/v1/steering/hls?a=${title}&s=s${session}&_HLS_pathway=${pick(order.declared)}&_HLS_throughput=${2e6 + Math.floor(Math.random() * 48e6)}`;
  return `GET ${path} HTTP/1.1\r\nHost: steering.example\r\nX-Forwarded-For: ${pick(order.addresses)}\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36\r\nAccept: */*\r\nOrigin: https://tv.example\r\n\r\n`;
}

function percentile(share: number): number {
  const sorted = latenciesMs.subarray(0, counted).toSorted();
  return sorted[Math.min(counted - 1, Math.floor(counted * share))] ?? Number.NaN;
}

const connections = Array.from({ length: order.connections }, () => new Connection());
idle.push(...connections);
// Time for the connections to be made.
setTimeout(() => {
  const beganMs = performance.now();
  countedFromMs = beganMs + WARM_SECONDS * 1000;
  const endMs = countedFromMs + order.seconds * 1000 + 5000;
  const tick = (): void => {
    const nowMs = performance.now();
    for (
      let dueMs = beganMs + asked * intervalMs;
      asked < total && dueMs <= nowMs;
      dueMs = beganMs + asked * intervalMs
    ) {
      asked += 1;
      const free = idle.pop();
      if (free === undefined) waiting.push(dueMs);
      else free.ask(dueMs);
    }
    if (answered < total && nowMs < endMs) {
      // It has a core to itself: a timer's millisecond would be in every latency.
      setImmediate(tick);
      return;
    }
    for (const connection of connections) connection.close();
    const load: OpenLoad = {
      askedPerSec: order.requestsPerSec,
      answered,
      failed: failed + total - answered,
      p50Ms: percentile(0.5),
      p99Ms: percentile(0.99),
      p999Ms: percentile(0.999),
      worstMs: percentile(1),
    };
    process.stdout.write(`${JSON.stringify(load)}\n`);
  };
  tick();
}, 300);
