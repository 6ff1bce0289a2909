import { type FillPlan, type FillPlanFile, type FillWindow, plannedBytes } from '../../../src/contracts/fill-plan.ts';
import type { FillReport } from '../../../src/contracts/fill-report.ts';
import { type PlanInventory, takeInventory } from '../../report/holdings.ts';
import type { ObjectStore } from '../../store/object-store.ts';
import type { PlannedFill } from '../planned/planned-fill.ts';
import type { Ban } from '../sources/source-bans.ts';
import type { FillHours, FillOrder } from './fill-hours.ts';
import { type FillForecast, forecastFill, type MissingFile } from './forecast-fill.ts';

/** What the operator is told of planned fill: `GET /v1/fill`. */
export interface FillStatus {
  readonly applianceId: string;
  readonly state: FillReport['state'];
  readonly nowMs: number;
  readonly plan: { readonly planVersion: number; readonly createdAtMs: number } | undefined;
  readonly order: FillOrder | undefined;
  readonly window: FillWindow | undefined;
  readonly nextWindow: FillWindow | undefined;
  /** The plan's own windows have all passed: its last hours are repeated, or over for good. */
  readonly isBeyondPlan: boolean;
  readonly fileCount: number;
  readonly heldFileCount: number;
  readonly planBytes: number;
  readonly heldBytes: number;
  /** Of what the plan's files are expected to serve, the share of those that are here, by bytes. */
  readonly valueShare: number;
  readonly filledBytes: FillReport['filledBytes'];
  readonly bytesPerSec: number | undefined;
  /** How much of its rate viewers leave to planned fill, and what they lack when that is not all. */
  readonly bulkShare: number;
  readonly manifestsMissing: number;
  /** What the plan's caps leave for the link; undefined without caps. */
  readonly linkLeftBytes: number | undefined;
  readonly forecast: (FillForecast & { readonly valueShareAtEnd: number | undefined }) | undefined;
  readonly failures: FillReport['failures'];
  readonly bannedSources: readonly Ban[];
}

export interface FillStatusParts {
  readonly applianceId: string;
  readonly nowMs: number;
  readonly plan: FillPlan | undefined;
  readonly store: Pick<ObjectStore, 'objects' | 'find'>;
  readonly hours: Pick<FillHours, 'order' | 'open' | 'coming'>;
  readonly fill: Pick<PlannedFill, 'state' | 'filledBytes' | 'bytesPerSec' | 'failures' | 'linkLeftBytes'>;
  readonly bulkShare: number;
  readonly manifestsMissing: number;
  readonly banned: readonly Ban[];
}

const NOTHING: PlanInventory = { levels: [], fileCount: 0, heldFileCount: 0, planBytes: 0, heldBytes: 0, missing: [] };

export function describeFill(parts: FillStatusParts): FillStatus {
  const { applianceId, nowMs, plan, store, hours, fill } = parts;
  const { fileCount, heldFileCount, planBytes, heldBytes, missing } =
    plan === undefined ? NOTHING : takeInventory(plan, store);
  const coming = hours.coming(nowMs);
  const window = hours.open(nowMs);
  const totalValue = plan?.files.reduce((sum, file) => sum + file.expectedBytes, 0) ?? 0;
  const lacking = missing.map(lackOf).sort((a, b) => a.priority - b.priority);
  const missingValue = lacking.reduce((sum, { value }) => sum + value, 0);
  const shareOf = (value: number): number => (totalValue === 0 ? 1 : Math.min(1, value / totalValue));
  const measuredBytesPerSec = fill.bytesPerSec;
  const forecast = plan && forecastFill({ nowMs, windows: coming, measuredBytesPerSec, missing: lacking });
  const atEnd = forecast?.window && shareOf(totalValue - missingValue + forecast.window.value);
  const lastEndMs = Math.max(0, ...(plan?.windows ?? []).map(({ endsAtMs }) => endsAtMs));
  return {
    applianceId,
    state: fill.state,
    nowMs,
    plan: plan && { planVersion: plan.planVersion, createdAtMs: plan.createdAtMs },
    order: hours.order(nowMs),
    window,
    nextWindow: coming.find(({ startsAtMs }) => startsAtMs > nowMs),
    isBeyondPlan: plan !== undefined && lastEndMs <= nowMs,
    fileCount,
    heldFileCount,
    planBytes,
    heldBytes,
    valueShare: shareOf(totalValue - missingValue),
    filledBytes: fill.filledBytes,
    bytesPerSec: measuredBytesPerSec,
    bulkShare: parts.bulkShare,
    manifestsMissing: parts.manifestsMissing,
    linkLeftBytes: Number.isFinite(fill.linkLeftBytes) ? fill.linkLeftBytes : undefined,
    forecast: forecast && { ...forecast, valueShareAtEnd: atEnd },
    failures: fill.failures(),
    bannedSources: parts.banned,
  };
}

function lackOf({ file, heldBytes }: { readonly file: FillPlanFile; readonly heldBytes: number }): MissingFile {
  const planned = plannedBytes(file);
  const bytes = Math.max(0, planned - heldBytes);
  return { priority: file.priority, bytes, value: planned === 0 ? 0 : file.expectedBytes * (bytes / planned) };
}
