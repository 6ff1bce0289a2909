/**
 * Numbers of Linux's headers, as they are on x86-64 and arm64 (asm-generic); where the two differ the right one is chosen.
 * Error numbers are those of `node:os`.
 */
import { constants } from 'node:os';

export const { errno: ERRNO } = constants;

// socket(2), send(2), setsockopt(2): bits/socket.h, asm-generic/socket.h, linux/tcp.h
export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const SOCK_STREAM = 1;
export const SOCK_NONBLOCK = 0o4000;
export const SOCK_CLOEXEC = 0o2000000;
export const SOL_SOCKET = 1;
export const SO_REUSEADDR = 2;
export const SO_TYPE = 3;
export const SO_LINGER = 13;
export const SO_ACCEPTCONN = 30;
/** Bytes per second, 32 bit; 0xffffffff does not pace. TCP paces by itself where the fq qdisc is not (socket(7)). */
export const SO_MAX_PACING_RATE = 47;
export const IPPROTO_TCP = 6;
export const TCP_NODELAY = 1;
export const TCP_NOTSENT_LOWAT = 25;
export const IPPROTO_IPV6 = 41;
export const IPV6_V6ONLY = 26;
export const MSG_NOSIGNAL = 0x4000;
export const MSG_MORE = 0x8000;
export const SHUT_WR = 1;

// epoll_ctl(2): sys/epoll.h
export const EPOLLIN = 1;
export const EPOLLOUT = 4;
export const EPOLLERR = 8;
export const EPOLLHUP = 0x10;
export const EPOLLRDHUP = 0x2000;
export const EPOLLEXCLUSIVE = 1 << 28;
export const EPOLLET = 1 << 31;
