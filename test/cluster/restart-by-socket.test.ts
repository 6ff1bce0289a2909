import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadLibc } from '../../appliance/kernel/libc.ts';
import type { ChildService } from '../../deploy/demo/child-service.ts';
import { patterned } from '../appliance/support/gated-origin.ts';
import { until } from '../support/until.ts';
import { ApplianceProcesses } from './support/appliance-processes.ts';
import { SocketKeeper } from './support/socket-keeper.ts';

const BYTES = patterned(100_000);
const CLIENTS = 8;

/** One connection after the other, each with one request. What went wrong, if anything did. */
class Storm {
  readonly failures: string[] = [];
  answers = 0;
  readonly #port: number;
  readonly #clients: Promise<void>[] = [];
  #isOver = false;

  constructor(port: number) {
    this.#port = port;
    for (let client = 0; client < CLIENTS; client += 1) this.#clients.push(this.#run());
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#clients);
  }

  async #run(): Promise<void> {
    while (!this.#isOver && this.failures.length === 0) {
      const failure = await this.#ask();
      if (failure === undefined) this.answers += 1;
      else this.failures.push(failure);
    }
  }

  #ask(): Promise<string | undefined> {
    return new Promise((resolve) => {
      const socket = connect({ host: '127.0.0.1', port: this.#port });
      let heard = '';
      socket.setEncoding('latin1');
      socket.on('connect', () => socket.write('GET /film.mp4 HTTP/1.1\r\nHost: a\r\n\r\n'));
      socket.on('data', (text: string) => {
        heard += text;
        if (heard.length > BYTES.length && heard.endsWith(BYTES.subarray(-100).toString('latin1'))) {
          resolve(heard.startsWith('HTTP/1.1 200 ') ? undefined : heard.slice(0, 200));
          socket.destroy();
        }
      });
      socket.on('error', (error) => resolve(`${error.message} after ${heard.length} bytes`));
      socket.on('close', () => resolve(`ended after ${heard.length} bytes: ${heard.slice(0, 100)}`));
    });
  }
}

// Only where the calls of Linux can be had: elsewhere the reference engine serves alone.
describe.skipIf(loadLibc().kind === 'missing')('a restart with the socket of systemd', () => {
  let processes: ApplianceProcesses;

  beforeEach(async () => {
    processes = await ApplianceProcesses.before(BYTES);
  });

  afterEach(() => processes[Symbol.asyncDispose]());

  const start = (engine: string, keeper: SocketKeeper, port = keeper.port): Promise<ChildService> =>
    processes.start({ engine, listen: `127.0.0.1:${port}`, drainMs: 100 }, keeper.fd);

  it.each(['fast', 'reference'])('refuses, resets and cuts nobody who connects: %s engine', async (engine) => {
    using keeper = new SocketKeeper();
    const first = await start(engine, keeper);
    const storm = new Storm(keeper.port);
    const isFurther = async (): Promise<void> => {
      const before = storm.answers;
      await until(() => storm.answers > before + 100 || storm.failures.length > 0);
    };
    await isFurther();
    await first.end('SIGTERM');
    expect(first.exitCode).toBe(0);
    await start(engine, keeper);
    await isFurther();
    await storm.end();
    expect(storm.failures).toEqual([]);
  });

  it('refuses nobody when the process is killed and another takes its socket', async () => {
    using keeper = new SocketKeeper();
    const first = await start('fast', keeper);
    await first.end('SIGKILL');
    const client = connect({ host: '127.0.0.1', port: keeper.port });
    client.write('GET /film.mp4 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    await new Promise((resolve) => client.once('connect', resolve));
    await start('fast', keeper);
    const answer = Buffer.concat((await client.toArray()) as Buffer[]);
    expect(answer.subarray(-BYTES.length).equals(BYTES)).toBe(true);
  });

  it('does not begin where the socket is another than --listen says', async () => {
    using keeper = new SocketKeeper();
    await expect(start('reference', keeper, 9)).rejects.toThrow(
      `--listen is 127.0.0.1:9, and the socket that came from systemd is 127.0.0.1:${keeper.port}`,
    );
  });
});
