/**
 * The system calls of the fast path: Linux's C library, called through koffi. The one wrapper of that package.
 *
 * Every call answers what the kernel does: a number from 0 on, or the error number, negated (`-ERRNO.EAGAIN`). Nothing
 * throws: what fails on a socket is a client's doing, a hundred times a second, and the caller decides. EINTR does not
 * come from sockets that do not block; where it can come it is said. Buffers are given by their address
 * (kernel-memory.ts), numbers and not BigInt, since a call costs 0.16 microseconds and a BigInt as much again.
 *
 * A thread loads its own. Where koffi or the platform is missing, the reason is a value, and the reference engine
 * serves alone.
 */
import { createRequire } from 'node:module';
import { endianness } from 'node:os';
import type * as Koffi from 'koffi';
import { messageOf } from '../../src/errors/operational-error.ts';
import { EPOLL_EVENT_BYTES, EpollEvents } from './epoll-events.ts';
import { type KernelMemory, viewKernelMemory } from './kernel-memory.ts';
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  ERRNO,
  MSG_NOSIGNAL,
  SO_LINGER,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
} from './linux-abi.ts';
import {
  NO_ADDRESS,
  readSocketAddress,
  SOCKET_ADDRESS_BYTES,
  type SocketAddress,
  writeSocketAddress,
} from './socket-address.ts';

const FALLOC_FL_KEEP_SIZE = 1;
const FALLOC_FL_PUNCH_HOLE = 2;
const MFD_CLOEXEC = 1;
const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;
const MAP_PRIVATE_ANONYMOUS = 0x22;
const MAP_FIXED = 0x10;
const MAP_NORESERVE = 0x4000;
const PROT_NONE = 0;
const MADV_HUGEPAGE = 14;
const EFD_NONBLOCK_CLOEXEC = 0o2004000;
const EPOLL_CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const F_GETFL = 3;
const F_SETFL = 4;
const F_SETFD = 2;
const FD_CLOEXEC = 1;
const F_DUPFD_CLOEXEC = 1030;
const O_NONBLOCK = 0o4000;
const SIOCOUTQ = 0x5411;
const UINT32 = 2 ** 32;
/** By architecture (syscalls(2)). */
const SCHED_SETATTR: Readonly<Record<string, number>> = { x64: 314, arm64: 274 };

/** The functions by their C declarations (LP64, so off_t, size_t and pointers have 64 bits). */
function declare(lib: Koffi.LibraryHandle) {
  return {
    memfdCreate: lib.func('int memfd_create(const char *name, unsigned int flags)'),
    ftruncate: lib.func('int ftruncate(int fd, int64_t length)'),
    fallocate: lib.func('int fallocate(int fd, int mode, int64_t offset, int64_t length)'),
    mmap: lib.func('intptr_t mmap(uintptr_t at, size_t length, int prot, int flags, int fd, int64_t offset)'),
    madvise: lib.func('int madvise(uintptr_t at, size_t length, int advice)'),
    socket: lib.func('int socket(int domain, int type, int protocol)'),
    socketpair: lib.func('int socketpair(int domain, int type, int protocol, uintptr_t pair)'),
    bind: lib.func('int bind(int fd, uintptr_t address, uint32_t length)'),
    listen: lib.func('int listen(int fd, int backlog)'),
    accept4: lib.func('int accept4(int fd, uintptr_t address, uintptr_t length, int flags)'),
    getsockname: lib.func('int getsockname(int fd, uintptr_t address, uintptr_t length)'),
    getpeername: lib.func('int getpeername(int fd, uintptr_t address, uintptr_t length)'),
    setsockopt: lib.func('int setsockopt(int fd, int level, int name, uintptr_t value, uint32_t length)'),
    getsockopt: lib.func('int getsockopt(int fd, int level, int name, uintptr_t value, uintptr_t length)'),
    recv: lib.func('intptr_t recv(int fd, uintptr_t buffer, size_t length, int flags)'),
    send: lib.func('intptr_t send(int fd, uintptr_t buffer, size_t length, int flags)'),
    sendfile: lib.func('intptr_t sendfile(int to, int from, uintptr_t offset, size_t length)'),
    shutdown: lib.func('int shutdown(int fd, int how)'),
    close: lib.func('int close(int fd)'),
    fcntl: lib.func('fcntl', 'int', ['int', 'int', 'int']),
    ioctl: lib.func('ioctl', 'int', ['int', 'unsigned long', 'uintptr_t']),
    pread: lib.func('intptr_t pread(int fd, uintptr_t buffer, size_t length, int64_t offset)'),
    pwrite: lib.func('intptr_t pwrite(int fd, uintptr_t buffer, size_t length, int64_t offset)'),
    eventfd: lib.func('int eventfd(unsigned int start, int flags)'),
    read: lib.func('intptr_t read(int fd, uintptr_t buffer, size_t length)'),
    write: lib.func('intptr_t write(int fd, uintptr_t buffer, size_t length)'),
    epollCreate: lib.func('int epoll_create1(int flags)'),
    epollCtl: lib.func('int epoll_ctl(int epoll, int op, int fd, uintptr_t event)'),
    // A call by its number, since older C libraries have none by this name.
    schedSetattr: lib.func('syscall', 'long', ['long', 'int', 'uintptr_t', 'unsigned int']),
    alarm: lib.func('unsigned int alarm(unsigned int seconds)'),
    epollWait: lib.func('int epoll_wait(int epoll, uintptr_t events, int count, int timeoutMs)'),
  };
}

type Calls = Readonly<Record<keyof ReturnType<typeof declare>, (...values: readonly (number | string)[]) => number>>;

export class Libc {
  readonly #koffi: typeof Koffi;
  readonly #calls: Calls;
  readonly #socketAddress: KernelMemory;
  readonly #socketAddressLength: KernelMemory;
  readonly #number: KernelMemory;
  readonly #event: EpollEvents;

  constructor(koffi: typeof Koffi) {
    this.#koffi = koffi;
    // The symbols that the process has already: the same C library as Node's own, glibc or musl.
    this.#calls = declare(koffi.load(null)) as unknown as Calls;
    this.#socketAddress = this.memory(SOCKET_ADDRESS_BYTES);
    this.#socketAddressLength = this.memory(Int32Array.BYTES_PER_ELEMENT);
    this.#number = this.memory(4 * Int32Array.BYTES_PER_ELEMENT);
    this.#event = new EpollEvents(this.memory(EPOLL_EVENT_BYTES));
  }

  /** Memory for the kernel to read and write, for as long as the process lives: see kernel-memory.ts. @throws RangeError when there is none */
  memory(byteLength: number): KernelMemory {
    const address = this.#calls.mmap(0, byteLength, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0);
    if (address === -1) throw new RangeError(`no memory of ${byteLength} bytes: errno ${this.errno()}`);
    return viewKernelMemory(address, byteLength, this.#koffi.view(BigInt(address), byteLength));
  }

  /** Of the last call that failed, on this thread. Read at once. errno(3) */
  errno(): number {
    return this.#koffi.errno();
  }

  /** A file that is memory alone, with no name and no disk, closed by exec. memfd_create(2); ENOSYS, EMFILE, ENFILE. @param name for /proc/self/fd */
  memfdCreate(name: string): number {
    return this.#answer(this.#calls.memfdCreate(name, MFD_CLOEXEC));
  }

  /** Sets a file's size; what is new is a hole, without pages. ftruncate(2) */
  ftruncate(fd: number, byteLength: number): number {
    return this.#answer(this.#calls.ftruncate(fd, byteLength));
  }

  /**
   * Gives the whole pages of a range back and leaves the size; they read as zeros then. What the kernel is still sending
   * out of them stays as it was until it is acknowledged. fallocate(2) FALLOC_FL_PUNCH_HOLE; EINTR
   */
  punchHole(fd: number, offset: number, byteLength: number): number {
    return this.#answer(this.#calls.fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, byteLength));
  }

  /** Addresses that nothing else is mapped to and nobody can use yet. mmap(2); ENOMEM. @returns the first of them */
  reserveAddresses(byteLength: number): number {
    return this.#answer(this.#calls.mmap(0, byteLength, PROT_NONE, MAP_PRIVATE_ANONYMOUS | MAP_NORESERVE, -1, 0));
  }

  /** Maps a file, shared, to read and write, at addresses that were reserved. mmap(2); ENOMEM, EACCES. @returns its address, for `view` */
  mmapSharedAt(address: number, fd: number, byteLength: number): number {
    return this.#answer(this.#calls.mmap(address, byteLength, PROT_READ_WRITE, MAP_SHARED | MAP_FIXED, fd, 0));
  }

  /** Pages as large as the kernel has them for who asks, from now on. madvise(2); EINVAL where it has none. */
  askLargePages(address: number, byteLength: number): number {
    return this.#answer(this.#calls.madvise(address, byteLength, MADV_HUGEPAGE));
  }

  /**
   * The bytes of a mapping. Mappings stay as long as the process, since a look into one that is gone would end it. Belongs to
   * this thread; another one maps the file itself.
   */
  view(address: number, byteLength: number): ArrayBuffer {
    return this.#koffi.view(BigInt(address), byteLength);
  }

  /** A TCP socket that does not block and is closed by exec. socket(2); EAFNOSUPPORT without IPv6, EMFILE. */
  socket(family: 'IPv4' | 'IPv6'): number {
    const domain = family === 'IPv4' ? AF_INET : AF_INET6;
    return this.#answer(this.#calls.socket(domain, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  }

  /** Two sockets that are connected with each other, do not block and are closed by exec. socketpair(2); EMFILE, ENFILE. @returns the error, or both */
  socketPair(): number | readonly [number, number] {
    const type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
    const { address, words } = this.#number;
    const failed = this.#answer(this.#calls.socketpair(AF_UNIX, type, 0, address));
    return failed < 0 ? failed : [words[0] as number, words[1] as number];
  }

  /** bind(2); EADDRINUSE, EADDRNOTAVAIL, EACCES. @param address an IP address, and port 0 for a free one */
  bind(fd: number, address: SocketAddress): number {
    const length = writeSocketAddress(this.#socketAddress.view, address);
    return this.#answer(this.#calls.bind(fd, this.#socketAddress.address, length));
  }

  /** listen(2). @param backlog connections that may wait for accept; the kernel cuts it to net.core.somaxconn */
  listen(fd: number, backlog: number): number {
    return this.#answer(this.#calls.listen(fd, backlog));
  }

  /**
   * The next connection that waits, not blocking and closed by exec. accept4(2): EAGAIN when none waits; ECONNABORTED
   * and other errors of one connection mean to ask again; EMFILE, ENFILE, ENOBUFS, ENOMEM leave it waiting.
   */
  accept(fd: number): number {
    this.#socketAddressLength.words[0] = SOCKET_ADDRESS_BYTES;
    const { address } = this.#socketAddress;
    const length = this.#socketAddressLength.address;
    return this.#answer(this.#calls.accept4(fd, address, length, SOCK_NONBLOCK | SOCK_CLOEXEC));
  }

  /** Who is at the other end of what `accept` gave last. */
  acceptedAddress(): SocketAddress {
    return readSocketAddress(this.#socketAddress.view);
  }

  /** Where a socket is bound; `NO_ADDRESS` when it is none of IP. getsockname(2) */
  localAddress(fd: number): SocketAddress {
    return this.#addressBy(this.#calls.getsockname, fd);
  }

  /** Who is at the other end; `NO_ADDRESS` when nobody is any more. getpeername(2) */
  remoteAddress(fd: number): SocketAddress {
    return this.#addressBy(this.#calls.getpeername, fd);
  }

  /** Sets an option that is an int or an unsigned int. setsockopt(2), tcp(7) */
  setOption(fd: number, level: number, name: number, value: number): number {
    this.#number.unsignedWords[0] = value;
    return this.#answer(this.#calls.setsockopt(fd, level, name, this.#number.address, 4));
  }

  /** The next `close` resets the connection: what was not sent is dropped, and the other side sees ECONNRESET. socket(7) SO_LINGER */
  setResetOnClose(fd: number): number {
    this.#number.words[0] = 1;
    this.#number.words[1] = 0;
    return this.#answer(this.#calls.setsockopt(fd, SOL_SOCKET, SO_LINGER, this.#number.address, 8));
  }

  /** An option that is an int and not negative. getsockopt(2). */
  option(fd: number, level: number, name: number): number {
    this.#number.words[0] = 0;
    this.#number.words[2] = 4;
    const answer = this.#calls.getsockopt(fd, level, name, this.#number.address, this.#number.address + 8);
    return answer === 0 ? (this.#number.words[0] as number) : this.#answer(answer);
  }

  /** recv(2): 0 at the end of what the client sends; EAGAIN, ECONNRESET, ETIMEDOUT. */
  recv(fd: number, address: number, byteLength: number, flags: number): number {
    return this.#answer(this.#calls.recv(fd, address, byteLength, flags));
  }

  /** send(2) with MSG_NOSIGNAL, always: a client that is gone must not end the process. EAGAIN, EPIPE, ECONNRESET. */
  send(fd: number, address: number, byteLength: number, flags: number): number {
    return this.#answer(this.#calls.send(fd, address, byteLength, flags | MSG_NOSIGNAL));
  }

  /**
   * Sends bytes of a file from `offset` on, without a copy. sendfile(2): 0 is the end of the file, where a caller who
   * knows its size has an error; EAGAIN, EPIPE, ECONNRESET. A SIGPIPE is ignored by Node for the whole process.
   */
  sendfile(to: number, from: number, offset: number, byteLength: number): number {
    const words = this.#number.unsignedWords;
    words[0] = offset % UINT32;
    words[1] = Math.floor(offset / UINT32);
    return this.#answer(this.#calls.sendfile(to, from, this.#number.address, byteLength));
  }

  /** How many bytes were taken of us that the client has not acknowledged. tcp(7) SIOCOUTQ */
  unacknowledgedBytes(fd: number): number {
    const answer = this.#calls.ioctl(fd, SIOCOUTQ, this.#number.address);
    return answer === 0 ? (this.#number.words[0] as number) : this.#answer(answer);
  }

  /** shutdown(2); ENOTCONN. @param how SHUT_WR: everything was said */
  shutdown(fd: number, how: number): number {
    return this.#answer(this.#calls.shutdown(fd, how));
  }

  /** close(2). The descriptor is gone whatever it answers, EINTR too: never asked twice. */
  close(fd: number): number {
    return this.#answer(this.#calls.close(fd));
  }

  /** Another descriptor of the same connection, closed by exec. fcntl(2) F_DUPFD_CLOEXEC; EBADF, EMFILE. */
  duplicate(fd: number): number {
    return this.#answer(this.#calls.fcntl(fd, F_DUPFD_CLOEXEC, 0));
  }

  /** Makes a descriptor that came from elsewhere like one of ours: it does not block, and exec closes it. fcntl(2) */
  adopt(fd: number): number {
    const flags = this.#answer(this.#calls.fcntl(fd, F_GETFL, 0));
    if (flags < 0) return flags;
    const answer = this.#answer(this.#calls.fcntl(fd, F_SETFL, flags | O_NONBLOCK));
    return answer < 0 ? answer : this.#answer(this.#calls.fcntl(fd, F_SETFD, FD_CLOEXEC));
  }

  /** pread(2): fewer bytes at the end of the file. With O_DIRECT (open(2)) address, length and offset are whole sectors, pages at best. EIO, EINTR */
  pread(fd: number, address: number, byteLength: number, offset: number): number {
    return this.#answer(this.#calls.pread(fd, address, byteLength, offset));
  }

  /** pwrite(2). ENOSPC, EIO, EINTR */
  pwrite(fd: number, address: number, byteLength: number, offset: number): number {
    return this.#answer(this.#calls.pwrite(fd, address, byteLength, offset));
  }

  /** A descriptor that another thread makes readable. eventfd(2) */
  eventfd(): number {
    return this.#answer(this.#calls.eventfd(0, EFD_NONBLOCK_CLOEXEC));
  }

  /** Makes an eventfd readable. Once is enough for many reasons. write(2) */
  wake(fd: number): number {
    this.#number.words[0] = 1;
    this.#number.words[1] = 0;
    return this.#answer(this.#calls.write(fd, this.#number.address, 8));
  }

  /** Makes an eventfd unreadable again. read(2); EAGAIN when it was. */
  clearWake(fd: number): number {
    return this.#answer(this.#calls.read(fd, this.#number.address, 8));
  }

  /** The process is killed (SIGALRM) if it is still there then; 0 calls that off. alarm(2) */
  alarm(seconds: number): number {
    return this.#calls.alarm(seconds);
  }

  /** Of the calling thread. sched_setattr(2), of no flags; EPERM, EINVAL. @param address of a struct sched_attr */
  schedSetattr(address: number): number {
    const number = SCHED_SETATTR[process.arch];
    return number === undefined ? -ERRNO.EINVAL : this.#answer(this.#calls.schedSetattr(number, 0, address, 0));
  }

  /** epoll_create1(2) */
  epollCreate(): number {
    return this.#answer(this.#calls.epollCreate(EPOLL_CLOEXEC));
  }

  /** Memory for so many events. */
  epollEvents(capacity: number): EpollEvents {
    return new EpollEvents(this.memory(capacity * EPOLL_EVENT_BYTES));
  }

  /** Begins to watch. epoll_ctl(2) EPOLL_CTL_ADD; EEXIST, EPERM for plain files. @param index,generation what its events are known by */
  epollAdd(epoll: number, fd: number, bits: number, index: number, generation: number): number {
    this.#event.set(bits, index, generation);
    return this.#answer(this.#calls.epollCtl(epoll, EPOLL_CTL_ADD, fd, this.#event.memory.address));
  }

  /** EPOLL_CTL_DEL; ENOENT. Needed before a descriptor changes hands: a duplicate keeps it watched. */
  epollDelete(epoll: number, fd: number): number {
    return this.#answer(this.#calls.epollCtl(epoll, EPOLL_CTL_DEL, fd, 0));
  }

  /** How many events there are now, after waiting for the first; 0 after `timeoutMs`, or a signal. -1 waits for ever. epoll_wait(2) */
  epollWait(epoll: number, events: EpollEvents, timeoutMs: number): number {
    const count = this.#calls.epollWait(epoll, events.memory.address, events.capacity, timeoutMs);
    if (count >= 0) return count;
    const errno = this.errno();
    return errno === ERRNO.EINTR ? 0 : -errno;
  }

  #addressBy(call: (...values: readonly number[]) => number, fd: number): SocketAddress {
    this.#socketAddressLength.words[0] = SOCKET_ADDRESS_BYTES;
    const failed = call(fd, this.#socketAddress.address, this.#socketAddressLength.address);
    return failed === 0 ? readSocketAddress(this.#socketAddress.view) : NO_ADDRESS;
  }

  #answer(answer: number): number {
    return answer === -1 ? -this.#koffi.errno() : answer;
  }
}

export type LibcLoad =
  | { readonly kind: 'loaded'; readonly libc: Libc }
  | { readonly kind: 'missing'; readonly because: string };

let loaded: LibcLoad | undefined;

/** The calls, or why there are none on this machine. Loaded once for each thread. */
export function loadLibc(): LibcLoad {
  loaded ??= tryToLoad();
  return loaded;
}

function tryToLoad(): LibcLoad {
  const { platform, arch } = process;
  const isKnown = platform === 'linux' && (arch === 'x64' || arch === 'arm64') && endianness() === 'LE';
  if (!isKnown)
    return { kind: 'missing', because: `it is for Linux on x64 and arm64, and this is ${platform} on ${arch}` };
  try {
    const require = createRequire(import.meta.url);
    return { kind: 'loaded', libc: new Libc(require('koffi') as typeof Koffi) };
  } catch (error) {
    return { kind: 'missing', because: `koffi does not work here: ${messageOf(error)}` };
  }
}
