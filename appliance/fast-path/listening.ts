/**
 * The socket that viewers connect to, for either engine.
 *
 * A process that ends takes its listening socket along: who connects in that moment is refused, and whoever waited to be
 * accepted is reset. So the socket may belong to somebody who stays, as systemd does with a `.socket` unit: it is given
 * to each start of the service as an open descriptor (sd_listen_fds(3)), and connections wait in it while one process
 * follows the other. All wire threads share that one socket too. One for each (SO_REUSEPORT) would be no simpler and
 * would reset what had queued on the one that is closed.
 *
 * An inherited socket that is not where `--listen` says is refused: an operator who changes one of the two and not the
 * other would otherwise serve at an address that nothing else believes in.
 */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { getSystemErrorName } from 'node:util';
import type { HostPort } from '../../src/config/parameter.ts';
import { OperationalError } from '../../src/errors/operational-error.ts';
import { formatHostPort, listenFailure } from '../../src/server/json-server.ts';
import type { Libc } from '../kernel/libc.ts';
import * as abi from '../kernel/linux-abi.ts';
import { canonicalAddress } from '../kernel/socket-address.ts';

/** How many connections may wait while nobody accepts, as during a restart; the kernel has its own limit (net.core.somaxconn). */
export const LISTEN_BACKLOG = 4096;
/** SD_LISTEN_FDS_START */
const FIRST_INHERITED_FD = 3;
/** FileDescriptorName of the socket unit. */
const NAME = 'delivery';

export interface ListeningSocket {
  /** Does not block. Whoever asked for it closes it. */
  readonly fd: number;
  readonly address: HostPort;
}

/**
 * The descriptor of the socket that viewers ask, as it came from systemd for this process; undefined when none did.
 * The environment forgets it, so that no child takes it for its own.
 * @throws OperationalError CONFIG_INVALID when several came and none of them, or more than one, is named `delivery`
 */
export function takeInheritedSocket(environment: NodeJS.ProcessEnv, pid: number): number | undefined {
  const { LISTEN_PID: forPid, LISTEN_FDS: count, LISTEN_FDNAMES: names = '' } = environment;
  delete environment['LISTEN_PID'];
  delete environment['LISTEN_FDS'];
  delete environment['LISTEN_FDNAMES'];
  if (forPid !== String(pid) || !/^[1-9]\d{0,3}$/.test(count ?? '')) return undefined;
  if (count === '1') return FIRST_INHERITED_FD;
  const named = names.split(':').flatMap((name, index) => (name === NAME ? [FIRST_INHERITED_FD + index] : []));
  if (named.length === 1) return named[0];
  throw new OperationalError(
    'CONFIG_INVALID',
    `${count} sockets came from systemd, and ${named.length} of them are named ${NAME}: give one ListenStream, [::]:80 takes IPv4 too`,
  );
}

/**
 * Listens where `--listen` says, or takes the inherited socket that does. `::` takes IPv4 as well, and becomes `0.0.0.0`
 * on a machine without IPv6.
 * @throws OperationalError ADDRESS_UNAVAILABLE, CONFIG_INVALID
 */
export async function openListeningSocket(
  libc: Libc,
  listen: HostPort,
  inheritedFd: number | undefined,
): Promise<ListeningSocket> {
  if (inheritedFd !== undefined) return adopt(libc, listen, inheritedFd);
  try {
    const { address } = isIP(listen.host) === 0 ? await lookup(listen.host) : { address: listen.host };
    return bindAndListen(libc, { host: address, port: listen.port });
  } catch (error) {
    const hasNoIpv6 = listen.host === '::' && error instanceof CallFailure && error.code === 'EAFNOSUPPORT';
    if (hasNoIpv6) return openListeningSocket(libc, { host: '0.0.0.0', port: listen.port }, undefined);
    throw listenFailure(listen, error);
  }
}

/**
 * Refuses an inherited socket that is not where `--listen` says.
 * @param bound where it is; undefined for what is no socket of IP
 * @throws OperationalError CONFIG_INVALID
 */
export async function checkInherited(bound: HostPort | undefined, listen: HostPort): Promise<void> {
  if (bound !== undefined && bound.host !== '' && (await isMeant(bound, listen))) return;
  const has =
    bound === undefined || bound.host === '' ? 'is no TCP socket that listens' : `is ${formatHostPort(bound)}`;
  throw new OperationalError(
    'CONFIG_INVALID',
    `--listen is ${formatHostPort(listen)}, and the socket that came from systemd ${has}: make ListenStream in the .socket unit and --listen the same`,
  );
}

async function isMeant(bound: HostPort, { host, port }: HostPort): Promise<boolean> {
  if (port !== 0 && port !== bound.port) return false;
  // What `::` becomes where there is no IPv6.
  if (host === '::' && bound.host === '0.0.0.0') return true;
  if (isIP(host) !== 0) return canonicalAddress(host) === canonicalAddress(bound.host);
  const addresses = await lookup(host, { all: true }).catch(() => []);
  return addresses.some(({ address }) => canonicalAddress(address) === canonicalAddress(bound.host));
}

async function adopt(libc: Libc, listen: HostPort, fd: number): Promise<ListeningSocket> {
  const listens =
    libc.option(fd, abi.SOL_SOCKET, abi.SO_ACCEPTCONN) === 1 &&
    libc.option(fd, abi.SOL_SOCKET, abi.SO_TYPE) === abi.SOCK_STREAM;
  const { address, port } = libc.localAddress(fd);
  await checkInherited(listens ? { host: address, port } : undefined, listen);
  const answer = libc.adopt(fd);
  if (answer < 0) throw listenFailure(listen, new CallFailure('fcntl', answer));
  return { fd, address: { host: address, port } };
}

function bindAndListen(libc: Libc, { host, port }: HostPort): ListeningSocket {
  const isIpv6 = host.includes(':');
  const fd = orThrow('socket', libc.socket(isIpv6 ? 'IPv6' : 'IPv4'));
  try {
    orThrow('setsockopt', libc.setOption(fd, abi.SOL_SOCKET, abi.SO_REUSEADDR, 1));
    if (isIpv6) orThrow('setsockopt', libc.setOption(fd, abi.IPPROTO_IPV6, abi.IPV6_V6ONLY, 0));
    orThrow('bind', libc.bind(fd, { address: host, port }));
    orThrow('listen', libc.listen(fd, LISTEN_BACKLOG));
  } catch (error) {
    libc.close(fd);
    throw error;
  }
  const bound = libc.localAddress(fd);
  return { fd, address: { host: bound.address, port: bound.port } };
}

/** A call that failed, like Node's own errors of the same calls. */
class CallFailure extends Error {
  readonly code: string;

  constructor(call: string, answer: number) {
    const code = getSystemErrorName(answer);
    super(`${call} ${code}`);
    this.code = code;
  }
}

function orThrow(call: string, answer: number): number {
  if (answer < 0) throw new CallFailure(call, answer);
  return answer;
}
