import type { AnnouncedRoute } from './announced-route.ts';
import type { BmpFamily, BmpMessage, BmpPath, BmpPeer } from './read-bmp.ts';

/**
 * What one router tells of its peers, kept as it changes.
 *
 * A peer that goes down takes its routes with it (RFC 7854 section 4.9), and so does a router that hangs up; but who is
 * back within the grace time was never gone for viewers. So routes of a lost peer count until then, those of a new
 * telling replace them as they come, and its End-of-RIB ends what of the old ones is left. Where a router tells the same
 * peer before and after its policy, only what is left after it counts.
 */
export interface BmpTableLimits {
  readonly graceMs: number;
  readonly maxPeers: number;
  readonly maxRoutes: number;
}

/** One peer, before or after the router's policy. */
interface PeerRoutes {
  readonly peer: BmpPeer;
  readonly routes: Map<string, AnnouncedRoute>;
  /** Of the session before, or of a lost one. */
  old: Map<string, AnnouncedRoute>;
  /** When the old ones end; undefined when there are none. */
  oldUntilMs: number | undefined;
  isUp: boolean;
}

export class BmpTable {
  readonly #limits: BmpTableLimits;
  readonly #peers = new Map<string, PeerRoutes>();
  readonly #addPath = new Map<string, ReadonlySet<BmpFamily>>();
  #size = 0;
  #changes = 0;

  constructor(limits: BmpTableLimits) {
    this.#limits = limits;
  }

  /** Grows whenever the routes may be others than before. */
  get changes(): number {
    return this.#changes;
  }

  get peersUp(): number {
    return [...this.#peers.values()].filter(({ isUp }) => isUp).length;
  }

  hasPathIds(peer: BmpPeer, family: BmpFamily): boolean {
    return this.#addPath.get(peer.key)?.has(family) ?? false;
  }

  /** @returns what is too much, or undefined; then the message was not taken and the stream must end */
  apply(message: BmpMessage, nowMs: number): string | undefined {
    if (message.kind === 'peer-up') return this.#peerUp(message.peer, message.addPath, nowMs);
    if (message.kind === 'peer-down') this.#peerDown(message.peer.key, nowMs);
    if (message.kind !== 'routes') return undefined;
    const { peer, announced, withdrawn, endOfRib } = message;
    const entry = this.#entryOf(peer);
    if (entry === undefined) return `more than ${this.#limits.maxPeers} peers`;
    if (this.#size + announced.length > this.#limits.maxRoutes) return `more than ${this.#limits.maxRoutes} routes`;
    for (const path of withdrawn) this.#withdraw(entry, path);
    for (const { route, ...path } of announced) this.#announce(entry, path, route);
    if (endOfRib !== undefined) this.#endOfRib(entry, endOfRib);
    return undefined;
  }

  /** The router hung up: all its peers are lost, and nobody tells it. */
  lose(nowMs: number): void {
    for (const entry of this.#peers.values()) this.#lose(entry, nowMs);
    this.#addPath.clear();
  }

  /** Ends what has outlived its grace. */
  expire(nowMs: number): void {
    for (const [id, entry] of this.#peers) {
      if (entry.oldUntilMs === undefined || nowMs < entry.oldUntilMs) continue;
      this.#dropOld(entry);
      if (!entry.isUp && entry.routes.size === 0) this.#peers.delete(id);
    }
  }

  /** All routes now, of all peers; several for one prefix. */
  *routes(): Generator<AnnouncedRoute> {
    const afterPolicy = new Set(
      [...this.#peers.values()]
        .filter(({ peer, routes }) => peer.isPostPolicy && routes.size > 0)
        .map(({ peer }) => peer.key),
    );
    for (const { peer, routes, old } of this.#peers.values()) {
      if (!peer.isPostPolicy && afterPolicy.has(peer.key)) continue;
      yield* routes.values();
      for (const [key, route] of old) if (!routes.has(key)) yield route;
    }
  }

  #peerUp(peer: BmpPeer, addPath: ReadonlySet<BmpFamily>, nowMs: number): string | undefined {
    // A peer that comes up anew went down before, whether that was told or not.
    this.#peerDown(peer.key, nowMs);
    this.#addPath.set(peer.key, addPath);
    return this.#entryOf(peer) === undefined ? `more than ${this.#limits.maxPeers} peers` : undefined;
  }

  #peerDown(key: string, nowMs: number): void {
    this.#addPath.delete(key);
    for (const entry of this.#peers.values()) if (entry.peer.key === key) this.#lose(entry, nowMs);
  }

  #lose(entry: PeerRoutes, nowMs: number): void {
    if (!entry.isUp) return;
    entry.isUp = false;
    // What is left of the session before that is no longer known of anybody.
    this.#dropOld(entry);
    entry.old = new Map(entry.routes);
    entry.oldUntilMs = nowMs + this.#limits.graceMs;
    entry.routes.clear();
    this.#changes += 1;
    this.expire(nowMs);
  }

  #dropOld(entry: PeerRoutes): void {
    this.#size -= entry.old.size;
    entry.old = new Map();
    entry.oldUntilMs = undefined;
    this.#changes += 1;
  }

  #entryOf(peer: BmpPeer): PeerRoutes | undefined {
    const id = `${peer.key} ${peer.isPostPolicy ? 'after' : 'before'}`;
    let entry = this.#peers.get(id);
    if (entry === undefined) {
      if (this.#peers.size >= this.#limits.maxPeers) return undefined;
      entry = { peer, routes: new Map(), old: new Map(), oldUntilMs: undefined, isUp: true };
      this.#peers.set(id, entry);
    }
    entry.isUp = true;
    return entry;
  }

  #announce(entry: PeerRoutes, path: BmpPath, route: AnnouncedRoute): void {
    const before = entry.routes.size;
    entry.routes.set(keyOf(path), route);
    this.#size += entry.routes.size - before;
    this.#changes += 1;
  }

  /** Of what was never announced it means nothing (RFC 7854 section 5). */
  #withdraw(entry: PeerRoutes, path: BmpPath): void {
    for (const routes of [entry.routes, entry.old]) {
      if (!routes.delete(keyOf(path))) continue;
      this.#size -= 1;
      this.#changes += 1;
    }
  }

  #endOfRib(entry: PeerRoutes, family: BmpFamily): void {
    for (const [key, { prefix }] of entry.old) {
      if (prefix.includes(':') !== (family === 'ipv6')) continue;
      entry.old.delete(key);
      this.#size -= 1;
    }
    this.#changes += 1;
  }
}

const keyOf = ({ pathId, prefix }: BmpPath): string => (pathId === 0 ? prefix : `${prefix} ${pathId}`);
