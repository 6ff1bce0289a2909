import { canonicalJson } from '../../src/signing/canonical-json.ts';
import { migrate } from '../../src/sqlite/migrate.ts';
import { type Database, openDatabase } from '../../src/sqlite/open-database.ts';
import { transact } from '../../src/sqlite/transact.ts';
import { isTriggerPin, keyOfLaunch, keyOfRetirement } from './calendar-document.ts';
import type { CalendarFacts, Launch, Pin, Retirement } from './calendar-facts.ts';

/**
 * The calendar: `calendar.sqlite`. Nobody else opens it. It is read whole when it is opened and kept in memory: a
 * calendar is written by people, so it is small, and every plan cycle asks for all of it.
 */
export interface CalendarChange {
  readonly added: number;
  readonly changed: number;
  readonly unchanged: number;
  readonly removed: number;
}

export type EntryKind = 'launch' | 'retirement' | 'pin';

interface Entry {
  readonly kind: EntryKind;
  readonly key: string;
  readonly document: string;
}

export class CalendarStore {
  readonly #database: Database;
  #facts: CalendarFacts;

  /** @throws OperationalError STATE_CORRUPT, VOLUME_IO */
  constructor(file: string) {
    this.#database = openDatabase(file, { durable: true, exclusive: true });
    migrate(this.#database, new URL('./migrations/', import.meta.url));
    this.#facts = this.#read();
  }

  get facts(): CalendarFacts {
    return this.#facts;
  }

  /** Adds entries, each in place of an earlier one of the same key, in one transaction. */
  add(facts: Partial<CalendarFacts>, nowMs: number): CalendarChange {
    return this.#change(entriesOf(facts), () => [], nowMs);
  }

  /** Makes these the whole calendar, in one transaction. What triggers have pinned stays. */
  replace(facts: CalendarFacts, nowMs: number): CalendarChange {
    const entries = entriesOf(facts);
    const wanted = new Set(entries.map(({ kind, key }) => `${kind} ${key}`));
    const toGo = (known: readonly Entry[]): Entry[] =>
      known.filter(({ kind, key }) => !wanted.has(`${kind} ${key}`) && !(kind === 'pin' && isTriggerPin(key)));
    return this.#change(entries, toGo, nowMs);
  }

  /**
   * Removes entries of a kind.
   * @param isMeant told the key: `TITLE` or `TITLE@REGION` of launches, the title of retirements, the id of pins
   * @returns the keys that were there
   */
  remove(kind: EntryKind, isMeant: (key: string) => boolean): string[] {
    const keys = this.#entries().flatMap((entry) => (entry.kind === kind && isMeant(entry.key) ? [entry.key] : []));
    const erase = this.#database.prepare('DELETE FROM entry WHERE kind = ? AND entry_key = ?');
    transact(this.#database, () => {
      for (const key of keys) erase.run(kind, key);
    });
    this.#facts = this.#read();
    return keys;
  }

  /** Retirements whose time to delete has come and that were not carried out. */
  dueDeletions(nowMs: number): Retirement[] {
    const isDone = this.#database.prepare('SELECT 1 FROM deleted_title WHERE title_id = ? AND deletes_at_ms = ?');
    return this.#facts.retirements.filter(
      ({ titleId, deletesAtMs }) => deletesAtMs <= nowMs && isDone.get(titleId, deletesAtMs) === undefined,
    );
  }

  noteDeleted({ titleId, deletesAtMs }: Retirement): void {
    transact(this.#database, () => {
      this.#database.prepare('INSERT OR IGNORE INTO deleted_title VALUES (?, ?)').run(titleId, deletesAtMs);
    });
  }

  /** Forgets pins that have ended. */
  trim(nowMs: number): void {
    const ended = new Set(this.#facts.pins.filter(({ endsAtMs = Infinity }) => endsAtMs <= nowMs).map(({ id }) => id));
    if (ended.size > 0) this.remove('pin', (key) => ended.has(key));
  }

  close(): void {
    this.#database.close();
  }

  #change(
    entries: readonly Entry[],
    toGo: (known: readonly Entry[]) => readonly Entry[],
    nowMs: number,
  ): CalendarChange {
    const known = new Map(this.#entries().map((entry) => [`${entry.kind} ${entry.key}`, entry]));
    const gone = toGo([...known.values()]);
    let [added, changed] = [0, 0];
    transact(this.#database, () => {
      const erase = this.#database.prepare('DELETE FROM entry WHERE kind = ? AND entry_key = ?');
      const write = this.#database.prepare('INSERT OR REPLACE INTO entry VALUES (?, ?, ?, ?)');
      for (const { kind, key } of gone) erase.run(kind, key);
      for (const { kind, key, document } of entries) {
        const before = known.get(`${kind} ${key}`)?.document;
        if (before === document) continue;
        if (before === undefined) added += 1;
        else changed += 1;
        write.run(kind, key, document, nowMs);
      }
    });
    this.#facts = this.#read();
    return { added, changed, unchanged: entries.length - added - changed, removed: gone.length };
  }

  #entries(): Entry[] {
    return this.#database
      .prepare<[], Entry>('SELECT kind, entry_key AS key, document FROM entry ORDER BY kind, entry_key')
      .all();
  }

  #read(): CalendarFacts {
    const entries = this.#entries();
    const of = <T>(wanted: EntryKind): T[] =>
      entries.flatMap(({ kind, document }) => (kind === wanted ? [JSON.parse(document) as T] : []));
    return { launches: of<Launch>('launch'), retirements: of<Retirement>('retirement'), pins: of<Pin>('pin') };
  }
}

function entriesOf({ launches = [], retirements = [], pins = [] }: Partial<CalendarFacts>): Entry[] {
  return [
    ...launches.map((launch): Entry => ({ kind: 'launch', key: keyOfLaunch(launch), document: canonicalJson(launch) })),
    ...retirements.map(
      (retirement): Entry => ({
        kind: 'retirement',
        key: keyOfRetirement(retirement),
        document: canonicalJson(retirement),
      }),
    ),
    ...pins.map((pin): Entry => ({ kind: 'pin', key: pin.id, document: canonicalJson(pin) })),
  ];
}
