import { connect, createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { checkInherited, openListeningSocket, takeInheritedSocket } from '../../../appliance/fast-path/listening.ts';
import { type Libc, loadLibc } from '../../../appliance/kernel/libc.ts';
import { openSockets } from './open-sockets.ts';

const load = loadLibc();

describe('a socket that came from systemd', () => {
  const take = (environment: NodeJS.ProcessEnv): number | undefined => takeInheritedSocket(environment, 42);

  it('is descriptor 3, and the environment forgets it', () => {
    const environment = { LISTEN_PID: '42', LISTEN_FDS: '1', LISTEN_FDNAMES: 'anything', PATH: '/bin' };
    expect(take(environment)).toBe(3);
    expect(environment).toEqual({ PATH: '/bin' });
  });

  it('is none where nothing came, or it came for another process', () => {
    expect(take({})).toBeUndefined();
    expect(take({ LISTEN_PID: '41', LISTEN_FDS: '1' })).toBeUndefined();
    expect(take({ LISTEN_PID: '42', LISTEN_FDS: '0' })).toBeUndefined();
    expect(take({ LISTEN_PID: '42', LISTEN_FDS: '-1' })).toBeUndefined();
    expect(take({ LISTEN_PID: '42' })).toBeUndefined();
  });

  it('is known by its name where there are several', () => {
    expect(take({ LISTEN_PID: '42', LISTEN_FDS: '3', LISTEN_FDNAMES: 'admin:delivery:x' })).toBe(4);
    expect(() => take({ LISTEN_PID: '42', LISTEN_FDS: '2', LISTEN_FDNAMES: 'delivery:delivery' })).toThrow(
      /2 of them are named delivery/,
    );
    expect(() => take({ LISTEN_PID: '42', LISTEN_FDS: '2' })).toThrow(/0 of them/);
  });

  it('must be where --listen says', async () => {
    const bound = { host: '::', port: 80 };
    const fits = (host: string, port: number): Promise<void> => checkInherited(bound, { host, port });
    await fits('::', 80);
    await fits('0:0:0:0:0:0:0:0', 80);
    await fits('::', 0);
    await checkInherited({ host: '0.0.0.0', port: 80 }, { host: '::', port: 80 });
    await checkInherited({ host: '127.0.0.1', port: 80 }, { host: 'localhost', port: 80 });
    await expect(fits('::', 81)).rejects.toThrow(/--listen is \[::\]:81, and .* is \[::\]:80/);
    await expect(fits('0.0.0.0', 80)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await expect(checkInherited(undefined, bound)).rejects.toThrow(/no TCP socket that listens/);
    await expect(checkInherited({ host: '', port: 0 }, { host: '::', port: 0 })).rejects.toThrow(/no TCP socket/);
  });
});

// Only where the calls of Linux can be had: elsewhere the reference engine serves alone.
describe.skipIf(load.kind === 'missing')('a listening socket', () => {
  const { libc } = load as { readonly libc: Libc };
  const opened: number[] = [];
  const open = async (host: string, port: number, inherited?: number): Promise<{ fd: number; port: number }> => {
    const { fd, address } = await openListeningSocket(libc, { host, port }, inherited);
    if (inherited === undefined) opened.push(fd);
    return { fd, port: address.port };
  };
  afterEach(() => {
    for (const fd of opened.splice(0)) libc.close(fd);
  });

  it('takes clients of both families, without blocking', async () => {
    const { fd, port } = await open('::', 0);
    for (const host of ['127.0.0.1', '::1']) {
      expect(libc.accept(fd)).toBeLessThan(0);
      const client = connect({ host, port });
      await new Promise((resolve) => client.once('connect', resolve));
      libc.close(libc.accept(fd));
      client.destroy();
    }
  });

  it('takes a name for an address', async () => {
    expect((await open('localhost', 0)).port).toBeGreaterThan(0);
  });

  it('says why an address cannot be had, and keeps no descriptor', async () => {
    const { port } = await open('127.0.0.1', 0);
    const before = openSockets();
    await expect(open('127.0.0.1', port)).rejects.toMatchObject({ code: 'ADDRESS_UNAVAILABLE' });
    await expect(open('127.0.0.1', port)).rejects.toThrow(`cannot listen on 127.0.0.1:${port}: bind EADDRINUSE`);
    await expect(open('192.0.2.77', 0)).rejects.toMatchObject({ code: 'ADDRESS_UNAVAILABLE' });
    await expect(open('host.invalid', 0)).rejects.toMatchObject({ code: 'ADDRESS_UNAVAILABLE' });
    expect(openSockets()).toEqual(before);
  });

  it('may be inherited, and is made not to block', async () => {
    const { fd, port } = await open('127.0.0.1', 0);
    expect(await open('127.0.0.1', port, fd)).toEqual({ fd, port });
    await expect(open('127.0.0.1', port + 1, fd)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });

  it('is not inherited when it is something else', async () => {
    const notListening = libc.socket('IPv4');
    const file = libc.memfdCreate('x');
    opened.push(notListening, file);
    for (const fd of [notListening, file, 9999]) {
      await expect(open('127.0.0.1', 0, fd)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    }
  });

  it('may be listened to by Node itself', async () => {
    const { fd, port } = await open('127.0.0.1', 0);
    const server = createServer((socket) => socket.end('hello'));
    await new Promise<void>((resolve) => server.listen({ fd }, resolve));
    opened.splice(opened.indexOf(fd), 1);
    const client = connect({ host: '127.0.0.1', port });
    expect(Buffer.concat((await client.toArray()) as Buffer[]).toString()).toBe('hello');
    await new Promise((resolve) => server.close(resolve));
  });
});
