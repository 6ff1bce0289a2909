import type { PeerProcess } from './peer-process.ts';
import type { PeerSetup, Purpose } from './peer-setup.ts';
import { startNginx, startTrafficServer, startVarnish } from './start-others.ts';
import { startAppliance, startPrototype } from './start-ours.ts';

export const PEER_NAMES = [
  'nginx-nopush',
  'fast',
  'nginx',
  'reference',
  'varnish',
  'trafficserver',
  'prototype',
] as const;
export type PeerName = (typeof PEER_NAMES)[number];

export interface PeerKind {
  readonly label: string;
  readonly purposes: readonly Purpose[];
  start(setup: PeerSetup): Promise<PeerProcess>;
}

const ALL: readonly Purpose[] = ['hot', 'mix', 'idle', 'tls'];

/** In the order in which they are measured: ours stands between the two nginx. */
export const PEER_KINDS: Readonly<Record<PeerName, PeerKind>> = {
  'nginx-nopush': {
    label: 'nginx, tcp_nopush on',
    purposes: ALL,
    start: (setup) => startNginx(setup, { hasNopush: true }),
  },
  fast: { label: 'fast engine', purposes: ALL, start: (setup) => startAppliance(setup, 'fast') },
  nginx: { label: 'nginx, tcp_nopush off', purposes: ALL, start: (setup) => startNginx(setup, { hasNopush: false }) },
  reference: { label: 'reference engine', purposes: ALL, start: (setup) => startAppliance(setup, 'reference') },
  varnish: { label: 'Varnish', purposes: ['hot', 'mix', 'idle'], start: startVarnish },
  trafficserver: { label: 'Traffic Server', purposes: ['hot', 'mix', 'idle'], start: startTrafficServer },
  prototype: { label: 'prototype', purposes: ['hot', 'mix', 'idle'], start: startPrototype },
};
