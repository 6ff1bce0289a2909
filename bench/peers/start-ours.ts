import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { serviceWords } from '../../deploy/demo/child-service.ts';
import { freePort, type PeerProcess, startPeer } from './peer-process.ts';
import { logOf, type PeerSetup } from './peer-setup.ts';

const IDLE_MS = 600_000;
const PROTOTYPES = join(import.meta.dirname, '../../../shared/prototypes/fast-path');
const MODULES = join(import.meta.dirname, '../../node_modules');

/** An appliance as an operator starts it, with room for as many connections as are measured. */
export async function startAppliance(
  setup: PeerSetup,
  engine: 'fast' | 'reference',
  nodeFlags: readonly string[] = [],
): Promise<PeerProcess> {
  const [port, adminPort] = [await freePort(), await freePort()];
  const { folder, tls } = setup;
  mkdirSync(folder, { recursive: true });
  const words = serviceWords('appliance', {
    engine,
    listen: `127.0.0.1:${port}`,
    adminListen: `127.0.0.1:${adminPort}`,
    origin: setup.originUrl,
    volume: join(folder, 'volume'),
    state: join(folder, 'state'),
    memoryBytes: setup.memoryBytes,
    volumeCapacityBytes: setup.diskBytes,
    // All clients have one address here.
    maxConnectionsPerAddress: 0,
    idleTimeoutMs: IDLE_MS,
    softEgressBitsPerSec: 1e13,
    hardEgressBitsPerSec: 1e14,
    logLevel: 'warn',
    ...(tls === undefined ? {} : { tlsCert: tls.certFile, tlsKey: tls.keyFile }),
  });
  const started = await startPeer({
    words: [process.execPath, ...nodeFlags, ...words],
    cores: setup.cores,
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    probePath: '/data/0.m4s',
    logFile: logOf(setup),
    // As src/cli/oca sets it.
    environment: { UV_THREADPOOL_SIZE: '64' },
  });
  return { ...started, adminUrl: `http://127.0.0.1:${adminPort}` };
}

export const hasPrototype = (): boolean => existsSync(join(PROTOTYPES, 'handoff.cjs'));

/** Of all answers so far, the share that the fast engine gave, 0 to 1; undefined where there is no such engine. */
export async function fastShareOf(server: PeerProcess): Promise<number | undefined> {
  if (server.adminUrl === undefined) return undefined;
  const metrics = await (await fetch(`${server.adminUrl}/metrics`)).text();
  const sumOf = (name: string): number =>
    [...metrics.matchAll(new RegExp(`^appliance_${name}(?:\\{[^}]*\\})? (\\d+)$`, 'gm'))].reduce(
      (sum, [, count]) => sum + Number(count),
      0,
    );
  return sumOf('wire_requests_total') / sumOf('requests_total');
}

/** What was shown before any of the product was built, without limits, timers or a parser: it stays visible what those cost. */
export async function startPrototype(setup: PeerSetup): Promise<PeerProcess> {
  mkdirSync(setup.folder, { recursive: true });
  // The ports stand in the files.
  const [file, port] = setup.purpose === 'mix' ? ['fast-path-cold.cjs', 8112] : ['handoff.cjs', 8109];
  return startPeer({
    words: [process.execPath, join(PROTOTYPES, file)],
    cores: setup.cores,
    url: `http://127.0.0.1:${port}`,
    probePath: '/data/0.m4s',
    logFile: logOf(setup),
    environment: { ROOT: setup.root, NODE_PATH: MODULES },
  });
}
