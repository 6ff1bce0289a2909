import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { softwareVersion } from '../../../src/lifecycle/software-version.ts';
import { until } from '../../support/until.ts';
import { type ApplianceRig, type RigOptions, startAppliance } from '../support/appliance-rig.ts';
import { patterned } from '../support/gated-origin.ts';
import { ask, openAnswer } from '../support/http-client.ts';

const MIB = 2 ** 20;
const FRESH = { 'cache-control': 'max-age=600' };

/** One connection on which requests are asked one after the other. */
class Caller {
  readonly socket: Socket;
  #text = '';
  isClosed = false;

  constructor(url: string) {
    const { hostname, port } = new URL(url);
    this.socket = connect({ host: hostname, port: Number(port), noDelay: true });
    this.socket.on('data', (piece) => (this.#text += piece.toString('latin1')));
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => (this.isClosed = true));
  }

  send(path: string): void {
    this.#text = '';
    this.socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
  }

  /** The answer that has come, head and body; undefined while it is not whole. */
  get answer(): { readonly status: number; readonly head: string; readonly body: string } | undefined {
    const end = this.#text.indexOf('\r\n\r\n');
    if (end === -1) return undefined;
    const head = this.#text.slice(0, end);
    const body = this.#text.slice(end + 4);
    if (body.length < Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0)) return undefined;
    return { status: Number(head.slice(9, 12)), head, body };
  }

  async ask(path: string): Promise<{ readonly status: number; readonly head: string; readonly body: string }> {
    this.send(path);
    await until(() => this.answer !== undefined || this.isClosed);
    if (this.answer === undefined) throw new Error(`${path}: the connection was closed`);
    return this.answer;
  }
}

describe('two engines that serve as one', () => {
  let rig: ApplianceRig;
  const callers: Caller[] = [];

  afterEach(async () => {
    for (const { socket } of callers.splice(0)) socket.destroy();
    await rig.stop();
  });

  const start = async (flags: Readonly<Record<string, unknown>> = {}, options: RigOptions = {}): Promise<void> => {
    rig = await startAppliance({ ...options, flags: { engine: 'fast', sendStallMs: 600_000, ...flags } });
  };
  const put = (path: string, bytes = patterned(1000, 1)): void =>
    void rig.origin.files.set(path, { bytes, etag: `"${path}"`, headers: FRESH });
  const call = (): Caller => {
    const caller = new Caller(rig.url);
    callers.push(caller);
    return caller;
  };
  const metric = async (series: string): Promise<number> => {
    const text = await (await fetch(`${rig.adminUrl}/metrics`)).text();
    const line = text.split('\n').find((candidate) => candidate.startsWith(`${series} `));
    return line === undefined ? 0 : Number(line.slice(series.length + 1));
  };
  const held = async (path: string): Promise<number> => {
    const answer = await fetch(`${rig.adminUrl}/v1/explain?path=${encodeURIComponent(path)}`);
    return answer.ok ? ((await answer.json()) as { held: { blocks: number } }).held.blocks : 0;
  };
  const fill = async (path: string, blocks: number): Promise<void> => {
    await ask(`${rig.url}${path}`);
    await until(async () => (await held(path)) === blocks);
  };

  it('a miss goes over and comes back: the next requests of the connection are the wire thread`s again', async () => {
    await start();
    put('/a');
    const caller = call();
    expect(await caller.ask('/a')).toMatchObject({ status: 200, body: patterned(1000, 1).toString('latin1') });
    await until(async () => (await held('/a')) === 1);
    for (let hit = 0; hit < 3; hit += 1) {
      const { status, head, body } = await caller.ask('/a');
      expect([status, body]).toEqual([200, patterned(1000, 1).toString('latin1')]);
      expect(head).toMatch(/cache-status: oca-1;hit/i);
    }
    await until(async () => (await metric('appliance_wire_requests_total')) === 3);
    expect(await metric('appliance_wire_handed_over_total{reason="not-published"}')).toBe(1);
    expect(await metric('appliance_wire_taken_back_total')).toBe(1);
    expect(await metric('appliance_requests_total{outcome="hit"}')).toBe(3);
    expect(await metric('appliance_served_bytes_total{outcome="hit"}')).toBe(3000);
    expect(await metric('appliance_first_byte_seconds_count{outcome="hit"}')).toBe(3);
  });

  it('requests in hand of both count against one limit, and both shed', async () => {
    await start({ maxActiveRequests: 2 });
    put('/long', patterned(24 * MIB, 2));
    put('/short');
    await fill('/long', 24);
    await fill('/short', 1);
    expect((await call().ask('/short')).status).toBe(200);
    const slow = await openAnswer(`${rig.url}/long`);
    slow.pause();
    rig.origin.isHeld = true;
    put('/miss');
    const waiting = call();
    waiting.send('/miss');
    const arrival = await rig.origin.arrival();
    const shed = await call().ask('/short');
    expect(shed.status).toBe(503);
    expect(shed.head).toMatch(/retry-after: [1-5]/i);
    expect((await call().ask('/other-miss')).status).toBe(503);
    arrival.release();
    await until(() => waiting.answer !== undefined);
    expect((await call().ask('/short')).status).toBe(200);
    slow.leave();
    await until(async () => (await metric('appliance_requests_total{outcome="shed"}')) === 2);
  });

  it('connections of an address are counted over both', async () => {
    await start({ maxConnectionsPerAddress: 2 });
    put('/a');
    rig.origin.isHeld = true;
    const first = call();
    first.send('/a');
    const arrival = await rig.origin.arrival();
    const second = call();
    await until(() => second.socket.readyState === 'open');
    const third = call();
    await until(() => third.isClosed);
    arrival.release();
    await until(() => first.answer !== undefined);
    second.socket.destroy();
    await until(async () => {
      const next = call();
      await until(() => next.socket.readyState === 'open' || next.isClosed);
      next.send('/a');
      await until(() => next.answer !== undefined || next.isClosed);
      return next.answer?.status === 200;
    });
  });

  it('both ask their clients to leave while the appliance drains, and no longer when it serves again', async () => {
    await start();
    put('/a');
    await fill('/a', 1);
    const order = (what: string): Promise<Response> => fetch(`${rig.adminUrl}/v1/${what}`, { method: 'POST' });
    expect((await call().ask('/a')).head).toMatch(/connection: keep-alive/i);
    await order('drain');
    const drained = call();
    expect((await drained.ask('/a')).head).toMatch(/connection: close/i);
    await until(() => drained.isClosed);
    expect((await call().ask('/miss')).head).toMatch(/connection: close/i);
    await order('undrain');
    expect((await call().ask('/a')).head).toMatch(/connection: keep-alive/i);
  });

  it('a stop ends who is idle at once, and lets a body come to its end within the deadline', async () => {
    await start();
    const bytes = patterned(24 * MIB, 2);
    put('/long', bytes);
    await fill('/long', 24);
    const idle = call();
    await until(() => idle.socket.readyState === 'open');
    const answer = await openAnswer(`${rig.url}/long`);
    answer.pause();
    const stopped = rig.service.stop(20_000);
    await until(() => idle.isClosed);
    answer.resume();
    expect(await answer.ended).toBe('complete');
    expect(answer.body.equals(bytes)).toBe(true);
    await stopped;
    await expect(ask(`${rig.url}/long`)).rejects.toThrow(/ECONNREFUSED/);
  });

  it('a stop cuts what has not ended by its deadline', async () => {
    await start();
    put('/long', patterned(24 * MIB, 2));
    await fill('/long', 24);
    const answer = await openAnswer(`${rig.url}/long`);
    answer.pause();
    await rig.service.stop(0);
    answer.resume();
    expect(await answer.ended).toBe('cut');
  });

  it('after two crashes within minutes the reference engine serves alone, and the operator is told', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'oca-crashed-'));
    const state = join(dir, 'volume', 'state');
    mkdirSync(state, { recursive: true });
    const ends = [1, 2].map((seconds) => ({ atMs: Date.now() - seconds * 1000, kind: 'crash' }));
    writeFileSync(join(state, 'engine.json'), JSON.stringify({ version: 1, software: softwareVersion(), ends }));
    await start({ state }, { dir });
    put('/a');
    expect((await call().ask('/a')).status).toBe(200);
    const { engine } = (await (await fetch(`${rig.adminUrl}/v1/state`)).json()) as { engine: object };
    expect(engine).toEqual({ name: 'reference', because: 'it crashed 2 times within ten minutes' });
    expect(await metric('appliance_wire_threads')).toBe(0);
    rmSync(dir, { recursive: true, force: true });
  });
});
