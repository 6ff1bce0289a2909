import { z } from 'zod';
import { parseContract } from '../../../src/contracts/contract.ts';
import { applianceIdSchema, epochMsSchema } from '../../../src/contracts/ids.ts';
import { messageOf } from '../../../src/errors/operational-error.ts';
import { BoundedMap } from '../../../src/memory/bounded-map.ts';
import { readStateFile, writeStateFile } from '../../../src/state/state-file.ts';
import type { Logger } from '../../../src/telemetry/logger.ts';
import type { Metrics } from '../../../src/telemetry/metrics.ts';
import type { World } from '../../../src/world/world.ts';

/**
 * Peers that lie, and how long nobody asks them.
 *
 * Problem: each block of a planned file is checked, so a peer that gives wrong bytes (a broken machine, a proxy in
 * between, an attacker) does no harm to viewers; but it answers quickly and looks well, so it would be asked again and
 * again, and each answer costs the window a block. The obvious, to leave out whoever failed a check, would also leave
 * out honest peers when the fault is ours: bad memory or a bad network card makes everybody's bytes wrong.
 *
 * Idea: a wrong block is a suspicion. It is a proof when the same block comes right from somebody else, for then the
 * manifest is right and our own way of receiving was; or when three blocks of one source were wrong and none right,
 * while others gave right ones of late. Who is proven wrong is banned: for five minutes, four times longer each time, a
 * day at most. Bans are kept over restarts, and forgiven after a week without a new one.
 *
 * Whoever proves another wrong is not banned himself at that moment, so somebody is always left. And when more than half
 * of those we ask would be banned within a short time, it is we who are suspected: nobody more is banned, the operator
 * is told, and wrong blocks only set their file aside at that source (source-memory.ts), as before any proof. The origin
 * is never banned: its bytes are all that there is.
 *
 * Limits: nothing is checked of files that no plan names, beyond the digests that come with them.
 */
export interface Suspect {
  readonly id: string;
  readonly kind: 'peer' | 'tier' | 'origin';
}

export interface Ban {
  readonly id: string;
  readonly untilMs: number;
  readonly bans: number;
}

interface Record_ {
  /** Wrong blocks since the last right one, not proven yet. */
  readonly suspicions: Set<string>;
  gaveRightAtMs: number | undefined;
}

const keptSchema = z.object({
  version: z.literal(1),
  bans: z
    .array(z.object({ id: applianceIdSchema, untilMs: epochMsSchema, bans: z.number().int().positive() }))
    .max(1000),
});

const FIRST_BAN_MS = 300_000;
const GROWTH = 4;
const LONGEST_BAN_MS = 86_400_000;
const FORGIVEN_AFTER_MS = 7 * 86_400_000;
const PROOF_BLOCKS = 3;
/** Right bytes of others so lately show that what comes in here is not all spoilt. */
const LATELY_MS = 600_000;
const MAX_SOURCES = 1000;
const MAX_SUSPICIONS = 4096;
const MAX_SUSPICIONS_OF_ONE = 64;

export class SourceBans {
  readonly #file: string;
  readonly #world: World;
  readonly #logger: Logger;
  readonly #counts;
  readonly #bans = new Map<string, Ban>();
  /** On the monotonic clock, when each ends at the latest: the other one may be put back by years. */
  readonly #endsAtMs = new Map<string, number>();
  readonly #known = new BoundedMap<string, Record_>(MAX_SOURCES);
  /** By block, who gave it wrong. */
  readonly #suspicions = new BoundedMap<string, Set<string>>(MAX_SUSPICIONS);
  #doubtsItselfUntilMs = Number.NEGATIVE_INFINITY;

  constructor(file: string, parts: { readonly world: World; readonly logger: Logger; readonly metrics: Metrics }) {
    this.#file = file;
    this.#world = parts.world;
    this.#logger = parts.logger;
    this.#counts = parts.metrics.counter(
      'source_bans_total',
      'Sources that were banned for wrong bytes. Any: look at that machine, its name is in the log and in `oca fill status`.',
    );
    parts.metrics.gauge(
      'sources_banned',
      'Sources that are not asked now, because they gave wrong bytes. See `oca fill status`.',
      [],
      (gauge) => gauge.set(this.list().length),
    );
    parts.metrics.gauge(
      'sources_doubt_self',
      '1 while bytes of most sources come wrong: then the memory or the network of this machine is suspected, not they. Test both.',
      [],
      (gauge) => gauge.set(this.doubtsItself ? 1 : 0),
    );
  }

  /** Takes up what an earlier run knew. Never throws: without it, liars are found again. */
  load(): void {
    try {
      const document = readStateFile(this.#file);
      if (document === undefined) return;
      const nowMs = this.#world.clock.nowMs();
      for (const ban of parseContract('kept bans', keptSchema, document).bans) {
        // A clock that was years ahead must not ban for years.
        const untilMs = Math.min(ban.untilMs, nowMs + LONGEST_BAN_MS);
        this.#set({ ...ban, untilMs }, nowMs);
      }
    } catch (error) {
      this.#logger.warn({ error }, 'the list of banned sources cannot be read: it begins anew');
    }
  }

  /** A block of a source failed its check, all of it its own. @param block which, by name of object and place */
  gaveWrong({ id, kind }: Suspect, block: string): void {
    if (kind === 'origin') return;
    const record = this.#record(id);
    if (record.suspicions.size < MAX_SUSPICIONS_OF_ONE) record.suspicions.add(block);
    const suspects = this.#suspicions.get(block) ?? new Set<string>();
    this.#suspicions.set(block, suspects.add(id));
    if (record.suspicions.size >= PROOF_BLOCKS && this.#othersGiveRight(id)) this.#convict(id);
  }

  /** A block of a source passed its check. */
  gaveRight({ id }: Suspect, block: string): void {
    const record = this.#record(id);
    record.gaveRightAtMs = this.#world.clock.monotonicMs();
    record.suspicions.clear();
    const suspects = this.#suspicions.get(block);
    if (suspects === undefined) return;
    this.#suspicions.delete(block);
    for (const suspect of suspects) if (suspect !== id) this.#convict(suspect);
  }

  isBanned(id: string): boolean {
    return this.untilMs(id) !== undefined;
  }

  /** On the wall clock; undefined when it may be asked. */
  untilMs(id: string): number | undefined {
    const ban = this.#bans.get(id);
    if (ban === undefined) return undefined;
    const { clock } = this.#world;
    const nowMs = clock.nowMs();
    const leftMs = (this.#endsAtMs.get(id) ?? 0) - clock.monotonicMs();
    const untilMs = Math.min(ban.untilMs, nowMs + leftMs);
    return untilMs > nowMs ? untilMs : undefined;
  }

  /** Those that are banned now. */
  list(): Ban[] {
    return [...this.#bans.values()].flatMap((ban) => {
      const untilMs = this.untilMs(ban.id);
      return untilMs === undefined ? [] : [{ ...ban, untilMs }];
    });
  }

  /** Whether this machine is suspected to spoil what it gets. */
  get doubtsItself(): boolean {
    return this.#world.clock.monotonicMs() < this.#doubtsItselfUntilMs;
  }

  #convict(id: string): void {
    if (this.isBanned(id)) return;
    const { clock } = this.#world;
    const others = [...this.#known.keys()].filter((other) => other !== id);
    const banned = others.filter((other) => this.isBanned(other)).length;
    if (banned > 0 && (banned + 1) * 2 > others.length + 1) {
      if (!this.doubtsItself) {
        this.#logger.error(
          { source: id, banned },
          'most sources give wrong bytes: the memory or network of this machine is suspected, nobody more is banned',
        );
      }
      this.#doubtsItselfUntilMs = clock.monotonicMs() + LATELY_MS;
      return;
    }
    const nowMs = clock.nowMs();
    const before = this.#bans.get(id);
    const isForgiven = before === undefined || nowMs > before.untilMs + FORGIVEN_AFTER_MS;
    const bans = isForgiven ? 1 : before.bans + 1;
    const forMs = Math.min(LONGEST_BAN_MS, FIRST_BAN_MS * GROWTH ** (bans - 1));
    this.#set({ id, untilMs: nowMs + forMs, bans }, nowMs);
    this.#record(id).suspicions.clear();
    this.#counts.inc();
    this.#logger.error({ source: id, bans, forSec: forMs / 1000 }, 'a source gave wrong bytes and is banned');
    this.#keep(nowMs);
  }

  #set(ban: Ban, nowMs: number): void {
    // The newest last.
    this.#bans.delete(ban.id);
    this.#bans.set(ban.id, ban);
    this.#endsAtMs.set(ban.id, this.#world.clock.monotonicMs() + ban.untilMs - nowMs);
  }

  #keep(nowMs: number): void {
    for (const { id, untilMs } of this.#bans.values()) {
      if (this.#bans.size <= MAX_SOURCES && nowMs <= untilMs + FORGIVEN_AFTER_MS) continue;
      this.#bans.delete(id);
      this.#endsAtMs.delete(id);
    }
    try {
      writeStateFile(this.#file, { version: 1, bans: [...this.#bans.values()] }, { durable: false });
    } catch (error) {
      this.#logger.warn({ error: messageOf(error) }, 'the list of banned sources cannot be kept');
    }
  }

  #othersGiveRight(id: string): boolean {
    const nowMs = this.#world.clock.monotonicMs();
    return [...this.#known].some(
      ([other, { gaveRightAtMs }]) => other !== id && gaveRightAtMs !== undefined && nowMs - gaveRightAtMs < LATELY_MS,
    );
  }

  #record(id: string): Record_ {
    const known = this.#known.get(id) ?? { suspicions: new Set<string>(), gaveRightAtMs: undefined };
    this.#known.set(id, known);
    return known;
  }
}
