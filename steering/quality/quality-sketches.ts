import type { QualitySketch } from '../../src/contracts/quality-sketch.ts';
import type { Clock } from '../../src/world/world.ts';
import type { CmcdRecord } from './parse-cmcd.ts';

interface Sums {
  records: number;
  stalled: number;
  errors: number;
  throughputCount: number;
  throughputSumKbit: number;
}

const MAX_APPLIANCES = 10_000;

/** What players say of each appliance and of the origin: sums only, no session and no address is kept. */
export class QualitySketches {
  readonly #sinceMs: number;
  readonly #sums = new Map<string, Sums>();

  constructor(clock: Clock) {
    this.#sinceMs = clock.nowMs();
  }

  /** @param id the appliance that the record speaks of */
  note(id: string, record: CmcdRecord): void {
    const sums = this.#of(id);
    if (sums === undefined) return;
    sums.records += 1;
    if (record.stalled) sums.stalled += 1;
    if (record.failed) sums.errors += 1;
    if (record.throughputKbitPerSec !== undefined) this.noteThroughput(id, record.throughputKbitPerSec * 1000);
  }

  /** What a player measured of one pathway. */
  noteThroughput(id: string, bitsPerSec: number): void {
    const sums = this.#of(id);
    if (sums === undefined) return;
    sums.throughputCount += 1;
    sums.throughputSumKbit += bitsPerSec / 1000;
  }

  sketches(): QualitySketch[] {
    return [...this.#sums].map(([applianceId, sums]) => ({
      version: 1,
      applianceId,
      sinceMs: this.#sinceMs,
      records: sums.records,
      stalledRecords: sums.stalled,
      errorRecords: sums.errors,
      throughputKbitPerSec: { count: sums.throughputCount, sum: sums.throughputSumKbit },
    }));
  }

  #of(id: string): Sums | undefined {
    let sums = this.#sums.get(id);
    if (sums === undefined && this.#sums.size < MAX_APPLIANCES) {
      sums = { records: 0, stalled: 0, errors: 0, throughputCount: 0, throughputSumKbit: 0 };
      this.#sums.set(id, sums);
    }
    return sums;
  }
}
