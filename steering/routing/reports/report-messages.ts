import type { PrefixTableData } from '../build-prefix-table.ts';
import type { HeldChange } from './held-change.ts';
import type { Finding, LintFacts } from './lint-routes.ts';
import type { ReportedPlace } from './merge-reports.ts';
import type { FoundRoute, LedgerRules, ReportSummary } from './report-ledger.ts';

/** What the thread of the reports is asked, one question after the other, and what it answers. */
export interface ReportThreadData {
  readonly file: string;
  readonly rules: LedgerRules;
  readonly maxRoutes: number;
}

export type ReportQuestion =
  | { readonly kind: 'open' }
  /** `senderId`: who signed it; undefined when nobody did. */
  | { readonly kind: 'take'; readonly body: Uint8Array; readonly senderId: string | undefined }
  | { readonly kind: 'forget'; readonly applianceId: string }
  | {
      readonly kind: 'build';
      readonly nowMs: number;
      readonly silent: ReadonlySet<string>;
      readonly networks: ReadonlyMap<string, string>;
    }
  | { readonly kind: 'accept' }
  | { readonly kind: 'summaries' }
  | { readonly kind: 'find'; readonly words: readonly number[] }
  | { readonly kind: 'lint'; readonly fleet: LintFacts['fleet'] }
  | { readonly kind: 'close' };

/** Who reports, for which site. */
type Reporters = ReadonlyMap<string, string>;

export type TakeOutcome =
  | {
      readonly kind: 'taken';
      readonly applianceId: string;
      readonly siteId: string;
      readonly routes: number;
      readonly refused: Readonly<Record<string, number>>;
    }
  | { readonly kind: 'old' }
  | { readonly kind: 'malformed'; readonly says: string }
  | { readonly kind: 'not-yours'; readonly applianceId: string }
  | { readonly kind: 'too-many'; readonly routes: number };

export interface BuildOutcome {
  /** undefined when nothing changed. */
  readonly table: PrefixTableData<ReportedPlace> | undefined;
  readonly held: HeldChange | undefined;
  /** Prefixes that were not taken, because they lie inside those of another ISP. */
  readonly leaked: number;
  /** Why reports cannot be kept for a restart. */
  readonly storeProblem: string | undefined;
}

/** Answer by kind of question. */
export interface ReportAnswers {
  readonly open: { readonly reporters: Reporters; readonly problem: string | undefined };
  readonly take: TakeOutcome;
  readonly forget: undefined;
  readonly build: BuildOutcome;
  readonly accept: undefined;
  readonly summaries: readonly ReportSummary[];
  readonly find: readonly FoundRoute[];
  readonly lint: readonly Finding[];
  readonly close: undefined;
}

export interface NumberedQuestion {
  readonly number: number;
  readonly question: ReportQuestion;
}

export type NumberedAnswer =
  | { readonly number: number; readonly answer: unknown }
  | { readonly number: number; readonly failure: { readonly code: string; readonly detail: string } };
