import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { loadLibc } from '../../../appliance/kernel/libc.ts';
import * as abi from '../../../appliance/kernel/linux-abi.ts';

const { ERRNO } = abi;
const load = loadLibc();
const opened: number[] = [];

// Only where the calls of Linux can be had: elsewhere the reference engine serves alone.
describe.skipIf(load.kind === 'missing')('the calls of the C library', () => {
  if (load.kind === 'missing') return;
  const { libc } = load;
  const own = (fd: number): number => {
    expect(fd).toBeGreaterThanOrEqual(0);
    opened.push(fd);
    return fd;
  };
  afterEach(() => {
    for (const fd of opened.splice(0)) libc.close(fd);
  });

  it('answer with the error number, negated', () => {
    expect(libc.close(-1)).toBe(-ERRNO.EBADF);
    expect(libc.recv(-1, 0, 0, 0)).toBe(-ERRNO.EBADF);
    expect(libc.epollWait(-1, libc.epollEvents(1), 0)).toBe(-ERRNO.EBADF);
    expect(libc.memory(1).address % 4096).toBe(0);
  });

  it('map a file of memory that others see, and give its pages back', () => {
    const fd = own(libc.memfdCreate('test'));
    const byteLength = 1 << 20;
    expect(libc.ftruncate(fd, byteLength)).toBe(0);
    const address = libc.mmapSharedAt(libc.reserveAddresses(byteLength), fd, byteLength);
    const bytes = new Uint8Array(libc.view(address, byteLength));
    bytes.fill(7);
    const read = Buffer.alloc(2);
    readSync(fd, read, 0, 2, 8191);
    expect([...read]).toEqual([7, 7]);
    expect(libc.punchHole(fd, 8192, 4096)).toBe(0);
    expect([bytes[8191], bytes[8192], bytes[12_287], bytes[12_288]]).toEqual([7, 0, 0, 7]);
  });

  it('read and write files at offsets of more than 32 bits', () => {
    const fd = own(libc.memfdCreate('large'));
    const memory = libc.memory(4096);
    memory.bytes.set([1, 2, 3]);
    const offset = 3 * 2 ** 32 + 5;
    expect(libc.pwrite(fd, memory.address, 3, offset)).toBe(3);
    memory.bytes.fill(0);
    expect(libc.pread(fd, memory.address, 4096, offset)).toBe(3);
    expect([...memory.bytes.subarray(0, 4)]).toEqual([1, 2, 3, 0]);
  });

  it('read past the page cache into their own memory', () => {
    const dir = mkdtempSync(join(tmpdir(), 'oca-libc-'));
    const file = join(dir, 'file');
    const plain = openSync(file, 'w');
    writeSync(plain, Buffer.alloc(8192, 9));
    closeSync(plain);
    const memory = libc.memory(8192);
    const fd = openDirect(file);
    expect(libc.pread(fd, memory.address, 8192, 0)).toBe(8192);
    expect(memory.bytes.every((byte) => byte === 9)).toBe(true);
    closeSync(fd);
    rmSync(dir, { recursive: true });
  });

  it('wake by an eventfd, known by the words that were given', () => {
    const epoll = own(libc.epollCreate());
    const events = libc.epollEvents(8);
    const wake = own(libc.eventfd());
    expect(libc.epollAdd(epoll, wake, abi.EPOLLIN | abi.EPOLLET, -5, 77)).toBe(0);
    expect(libc.epollWait(epoll, events, 0)).toBe(0);
    libc.wake(wake);
    libc.wake(wake);
    expect(libc.epollWait(epoll, events, -1)).toBe(1);
    expect([events.bits(0), events.index(0), events.generation(0)]).toEqual([abi.EPOLLIN, -5, 77]);
    expect(libc.epollWait(epoll, events, 0)).toBe(0);
    expect(libc.clearWake(wake)).toBe(8);
    expect(libc.clearWake(wake)).toBe(-ERRNO.EAGAIN);
    expect(libc.epollDelete(epoll, wake)).toBe(0);
    expect(libc.epollDelete(epoll, wake)).toBe(-ERRNO.ENOENT);
  });

  it('tell several events apart', () => {
    const epoll = own(libc.epollCreate());
    const events = libc.epollEvents(8);
    for (let index = 0; index < 5; index += 1) {
      const wake = own(libc.eventfd());
      libc.epollAdd(epoll, wake, abi.EPOLLIN, index, 100 + index);
      libc.wake(wake);
    }
    expect(libc.epollWait(epoll, events, 0)).toBe(5);
    const seen = [0, 1, 2, 3, 4].map((at) => [events.index(at), events.generation(at)]);
    expect(seen.sort(([a = 0], [b = 0]) => a - b)).toEqual([0, 1, 2, 3, 4].map((index) => [index, 100 + index]));
  });

  it('serve a client of both families through one listener, and name it as Node does', async () => {
    const listener = own(libc.socket('IPv6'));
    libc.setOption(listener, abi.IPPROTO_IPV6, abi.IPV6_V6ONLY, 0);
    expect(libc.bind(listener, { address: '::', port: 0 })).toBe(0);
    expect(libc.listen(listener, 16)).toBe(0);
    const { address, port } = libc.localAddress(listener);
    expect([address, port > 0]).toEqual(['::', true]);
    expect(libc.option(listener, abi.SOL_SOCKET, abi.SO_ACCEPTCONN)).toBe(1);
    expect(libc.accept(listener)).toBe(-ERRNO.EAGAIN);
    for (const [host, name] of [
      ['127.0.0.1', '::ffff:127.0.0.1'],
      ['::1', '::1'],
    ] as const) {
      const client = connect({ host, port });
      await new Promise((resolve) => client.once('connect', resolve));
      const fd = own(libc.accept(listener));
      expect(libc.acceptedAddress()).toEqual({ address: name, port: client.localPort });
      expect(libc.remoteAddress(fd)).toEqual({ address: name, port: client.localPort });
      client.destroy();
    }
  });

  it('send memory and files with one head in front', async () => {
    const { fd, client } = await connection();
    const file = own(libc.memfdCreate('body'));
    const memory = libc.memory(64);
    memory.bytes.set(Buffer.from('0123456789'));
    libc.pwrite(file, memory.address, 10, 0);
    memory.bytes.set(Buffer.from('head:'));
    expect(libc.setOption(fd, abi.IPPROTO_TCP, abi.TCP_NODELAY, 1)).toBe(0);
    expect(libc.option(fd, abi.IPPROTO_TCP, abi.TCP_NODELAY)).toBe(1);
    expect(libc.setOption(fd, abi.SOL_SOCKET, abi.SO_MAX_PACING_RATE, 0xffff_ffff)).toBe(0);
    expect(libc.setOption(fd, abi.IPPROTO_TCP, abi.TCP_NOTSENT_LOWAT, 16_384)).toBe(0);
    expect(libc.send(fd, memory.address, 5, abi.MSG_MORE)).toBe(5);
    expect(libc.sendfile(fd, file, 2, 6)).toBe(6);
    expect(libc.sendfile(fd, file, 10, 6)).toBe(0);
    expect(libc.shutdown(fd, abi.SHUT_WR)).toBe(0);
    expect(await client.toArray().then((parts) => Buffer.concat(parts as Buffer[]).toString())).toBe('head:234567');
    expect(libc.unacknowledgedBytes(fd)).toBeLessThanOrEqual(1);
    expect(libc.send(fd, memory.address, 5, 0)).toBe(-ERRNO.EPIPE);
  });

  it('reset a connection on purpose', async () => {
    const { fd, client } = await connection();
    const failed = new Promise<NodeJS.ErrnoException>((resolve) => client.once('error', resolve));
    libc.setResetOnClose(fd);
    opened.splice(opened.indexOf(fd), 1);
    expect(libc.close(fd)).toBe(0);
    expect((await failed).code).toBe('ECONNRESET');
  });

  it('duplicate a descriptor that outlives the first and is closed by exec', async () => {
    const { fd, client } = await connection();
    const copy = own(libc.duplicate(fd));
    opened.splice(opened.indexOf(fd), 1);
    libc.close(fd);
    const memory = libc.memory(8);
    memory.bytes.fill(65, 0, 3);
    expect(libc.send(copy, memory.address, 3, 0)).toBe(3);
    const [got] = (await new Promise((resolve) => client.once('data', (data) => resolve([data])))) as [Buffer];
    expect(got.toString()).toBe('AAA');
    expect(readFileSync(`/proc/self/fdinfo/${copy}`, 'latin1')).toMatch(/flags:\s*0*2\d{6}/);
    expect(readdirSync('/proc/self/fd')).toContain(String(copy));
    client.destroy();
  });

  async function connection() {
    const listener = own(libc.socket('IPv4'));
    libc.bind(listener, { address: '127.0.0.1', port: 0 });
    libc.listen(listener, 1);
    const client = connect({ host: '127.0.0.1', port: libc.localAddress(listener).port });
    await new Promise((resolve) => client.once('connect', resolve));
    return { fd: own(libc.accept(listener)), client };
  }

  function openDirect(file: string): number {
    return openSync(file, constants.O_RDONLY | constants.O_DIRECT);
  }
});
