import type { QualityMeasures } from '../../../src/contracts/quality-sketch.ts';
import { ReporterPanel } from './reporter-panel.ts';
import { SketchCells } from './sketch-cells.ts';

/** Where the viewers are whose experience is noted. */
export interface Neighbourhood {
  readonly group: string;
  readonly siteId: string | undefined;
}

/** The appliances that one neighbourhood was served by, each with its row of counts. */
export interface ServedGroup extends Neighbourhood {
  readonly rows: Map<string, number>;
}

/** What one report tells of an appliance. */
export interface Observation {
  /** Bucket of the rate, see throughputBucket; undefined when it tells none. */
  readonly rateBucket: number | undefined;
  readonly stalled: boolean;
  readonly failed: boolean;
  /** Whether it tells of play at all; a failure to connect does not. */
  readonly hasPlayed: boolean;
}

/** Kept for groups of what is left when there is no room for more neighbourhoods. */
const REST_SHARE = 0.1;
const REST = 'rest of ';

/**
 * All that is remembered of viewers' experience: a row per appliance and neighbourhood, a panel of voters per
 * appliance. When there is no room for another neighbourhood it counts with the others of its site; those that are
 * there stay until they fade, so that nobody can push them out by inventing new ones.
 */
export class QualityStore {
  readonly cells: SketchCells;
  readonly groups = new Map<string, ServedGroup>();
  readonly panels = new Map<string, ReporterPanel>();
  readonly #groupRows: number;
  readonly #windowMs: number;
  readonly #maxAppliances: number;
  #lost = 0;

  constructor(limits: { readonly maxCells: number; readonly windowMs: number; readonly maxAppliances: number }) {
    this.cells = new SketchCells(limits.maxCells);
    this.#groupRows = Math.floor(limits.maxCells * (1 - REST_SHARE));
    this.#windowMs = limits.windowMs;
    this.#maxAppliances = limits.maxAppliances;
  }

  /** Reports that found no room. */
  get lost(): number {
    return this.#lost;
  }

  note(applianceId: string, place: Neighbourhood, reporter: number, seen: Observation): void {
    const row = this.#rowOf(applianceId, place);
    if (row === undefined) return;
    const { cells } = this;
    cells.noteReporter(row, reporter, seen.failed || seen.stalled);
    cells.addRequests(row, 1, seen.failed ? 1 : 0);
    if (seen.hasPlayed) cells.addReports(row, 1, seen.stalled ? 1 : 0);
    if (seen.rateBucket !== undefined) cells.addThroughput(row, seen.rateBucket, 1);
  }

  /** What an appliance measured itself. @param clients least number of viewers behind it */
  noteMeasures(applianceId: string, place: Neighbourhood, clients: number, measures: QualityMeasures): void {
    const row = this.#rowOf(applianceId, place);
    if (row === undefined) return;
    const { cells } = this;
    const complaints = measures.errors + measures.stalls;
    for (let client = 0; client < Math.min(clients, 32); client += 1)
      cells.noteReporter(row, client, client < complaints);
    cells.addRequests(row, measures.requests, Math.min(measures.errors, measures.requests));
    cells.addReports(row, measures.reports, Math.min(measures.stalls, measures.reports));
    measures.throughput.forEach((count, bucket) => {
      if (count > 0) cells.addThroughput(row, bucket, count);
    });
  }

  vote(applianceId: string, reporter: number, fails: boolean, nowMs: number): void {
    let panel = this.panels.get(applianceId);
    if (panel === undefined) {
      if (this.panels.size >= this.#maxAppliances) return;
      panel = new ReporterPanel(this.#windowMs);
      this.panels.set(applianceId, panel);
    }
    panel.note(reporter, fails, nowMs);
  }

  /** Gives back what has faded. */
  forget(served: ServedGroup, applianceId: string): void {
    const row = served.rows.get(applianceId);
    if (row !== undefined) this.cells.release(row);
    served.rows.delete(applianceId);
    if (served.rows.size === 0) this.groups.delete(served.group);
  }

  #rowOf(applianceId: string, place: Neighbourhood): number | undefined {
    const known = this.groups.get(place.group)?.rows.get(applianceId);
    if (known !== undefined) return known;
    if (this.cells.size < this.#groupRows) return this.#newRow(applianceId, place);
    const rest = { group: REST + (place.siteId ?? 'all'), siteId: place.siteId };
    const row = this.groups.get(rest.group)?.rows.get(applianceId) ?? this.#newRow(applianceId, rest);
    if (row === undefined) this.#lost += 1;
    return row;
  }

  #newRow(applianceId: string, { group, siteId }: Neighbourhood): number | undefined {
    const row = this.cells.allocate();
    if (row === undefined) return undefined;
    let served = this.groups.get(group);
    if (served === undefined) {
      served = { group, siteId, rows: new Map() };
      this.groups.set(group, served);
    }
    served.rows.set(applianceId, row);
    return row;
  }
}
