import { readFile } from 'node:fs/promises';
import { FollowedFiles } from '../../src/config/followed-files.ts';
import type { Service } from '../../src/lifecycle/service.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import type { World } from '../../src/world/world.ts';
import type { ClientPlace } from '../answer/locate-client.ts';
import type { PolicyFacts } from '../ranking/policy-facts.ts';
import { checkPolicy } from './check-policy.ts';
import { type CohortSeat, cohortOf } from './cohort-of.ts';
import { type BadOutcome, CohortOutcomes, type OutcomeReport } from './cohort-outcomes.ts';
import { DeviceRules } from './device-rules.ts';
import { parsePolicy } from './parse-policy.ts';
import { type Cohort, NO_POLICY, type Policy } from './policy.ts';
import type { RollBack, RollBacks } from './roll-backs.ts';

export interface PolicyKeeperOptions {
  /** Empty: there is no policy. */
  readonly file: string;
  readonly pollMs: number;
  readonly world: World;
  readonly logger: Logger;
  readonly rollBacks: RollBacks;
  readonly locate: (clientAddress: string) => Pick<ClientPlace, 'siteId' | 'network'>;
  readonly onState: (problem: string | undefined) => void;
  readonly onOutcome: (group: 'cohort' | 'control', outcome: BadOutcome) => void;
}

/** A cohort as operators see it. */
export interface CohortReport {
  readonly cohort: Cohort;
  readonly rollBack: RollBack | undefined;
  readonly outcomes: readonly OutcomeReport[];
}

const MAX_FILE_BYTES = 2 ** 20;
const POLICY_IS_BAD = 'policy not taken: the one before stays in use';

/**
 * The policy in use: the operator's file, read again when it changes, less what was rolled back. A broken file changes
 * nothing. A cohort whose outcomes prove it worse than its control is treated like everybody from that moment on; only
 * another salt in the file tries it again.
 */
export class PolicyKeeper implements Service {
  readonly #options: PolicyKeeperOptions;
  readonly #files: FollowedFiles;
  readonly #outcomes = new Map<string, CohortOutcomes>();
  #policy: Policy = NO_POLICY;
  #devices = new DeviceRules([]);
  #changes = 0;

  constructor(options: PolicyKeeperOptions) {
    this.#options = options;
    const { file, pollMs, world, logger, onState } = options;
    this.#files = new FollowedFiles({
      files: [file],
      maxBytes: MAX_FILE_BYTES,
      pollMs,
      world,
      onChange: async () => this.#use(parsePolicy(await readFile(file, 'utf8'))),
      onState: (problem) => {
        const { version } = this.#policy;
        if (problem !== undefined) logger.error({ file, problem, version }, POLICY_IS_BAD);
        onState(problem);
      },
    });
  }

  async start(): Promise<void> {
    if (this.#options.file !== '') await this.#files.start();
  }

  stop(deadlineMs: number): Promise<void> {
    return this.#files.stop(deadlineMs);
  }

  get policy(): Policy {
    return this.#policy;
  }

  get devices(): DeviceRules {
    return this.#devices;
  }

  /** How often a policy was taken since the start. */
  get changes(): number {
    return this.#changes;
  }

  /** undefined for everybody who is in no cohort and no control. */
  seatOf(sessionId: string, clientAddress: string): CohortSeat | undefined {
    const { cohorts } = this.#policy;
    return cohorts.length === 0 ? undefined : cohortOf(sessionId, clientAddress, cohorts, this.#options.locate);
  }

  /** How the session in that seat is ranked: in a cohort that was rolled back, and in a control, like everybody. */
  factsFor(seat: CohortSeat | undefined): PolicyFacts {
    const isTried = seat !== undefined && !seat.isControl && this.#options.rollBacks.find(seat.cohort) === undefined;
    return isTried ? seat.cohort.facts : this.#policy.everybody;
  }

  /** Counts a session that went bad, for the cohort or control that it is in, and rolls back what is proven worse. */
  noteOutcome(sessionId: string, clientAddress: string, outcome: BadOutcome): void {
    const { rollBacks, onOutcome } = this.#options;
    const seat = this.seatOf(sessionId, clientAddress);
    if (seat === undefined) return;
    const { cohort, isControl } = seat;
    onOutcome(isControl ? 'control' : 'cohort', outcome);
    const verdict = this.#outcomes.get(cohort.name)?.note(sessionId, isControl, outcome, clientAddress);
    if (verdict !== undefined && rollBacks.find(cohort) === undefined)
      this.#rollBack(cohort, 'outcomes', verdict.because);
  }

  /** By hand. @returns whether there is such a cohort */
  rollBack(name: string, because: string): boolean {
    const cohort = this.#policy.cohorts.find((known) => known.name === name);
    if (cohort === undefined) return false;
    if (this.#options.rollBacks.find(cohort) === undefined) this.#rollBack(cohort, 'operator', because);
    return true;
  }

  reports(): CohortReport[] {
    return this.#policy.cohorts.map((cohort) => ({
      cohort,
      rollBack: this.#options.rollBacks.find(cohort),
      outcomes: this.#outcomes.get(cohort.name)?.reports() ?? [],
    }));
  }

  #use(policy: Policy): void {
    const before = new Map(this.#policy.cohorts.map((cohort) => [cohort.name, cohort]));
    for (const name of before.keys())
      if (!policy.cohorts.some((cohort) => cohort.name === name)) this.#outcomes.delete(name);
    // What is tried or whom it is compared with has changed: what was counted so far speaks of something else.
    for (const cohort of policy.cohorts)
      if (JSON.stringify(before.get(cohort.name)) !== JSON.stringify(cohort))
        this.#outcomes.set(cohort.name, new CohortOutcomes(cohort));
    this.#policy = policy;
    this.#devices = new DeviceRules(policy.devices);
    this.#changes += 1;
    const { file, logger } = this.#options;
    logger.info(
      { file, version: policy.version, devices: policy.devices.length, cohorts: policy.cohorts.length },
      'policy in use',
    );
    for (const warning of checkPolicy(policy))
      logger.warn({ file, ...warning }, 'the policy says what is hardly meant');
  }

  #rollBack({ name, salt }: Cohort, by: RollBack['by'], because: string): void {
    const { world, logger, rollBacks } = this.#options;
    rollBacks.add({ cohort: name, salt, atMs: world.clock.nowMs(), by, because });
    logger.error({ cohort: name, by, because }, 'a cohort was rolled back: its sessions are treated like everybody');
  }
}
