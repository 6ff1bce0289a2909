import { createProgressBar } from '../../src/cli/progress-bar.ts';
import { messageOf } from '../../src/errors/operational-error.ts';
import { type Drill, DrillFailed } from './drill.ts';
import { DrillRig } from './rig/drill-rig.ts';
import { whatIsMissing } from './rig/machine-needs.ts';

const DEFAULT_TIME_LIMIT_MS = 60_000;
const NAME_CELLS = 20;
const DOES_CELLS = 70;

export interface DrillOutcome {
  readonly name: string;
  readonly kind: 'pass' | 'FAIL' | 'SKIPPED';
  /** The key figure, what went wrong, or what is missing. */
  readonly says: string;
  readonly seconds: number;
}

export interface DrillOutput {
  /** One finished line. */
  print(line: string): void;
  /** How far it is; overwritten by what comes next. */
  progress(share: number, text: string): void;
}

/** What must be undone if somebody ends the run now. */
let running: DrillRig | undefined;

/** Undoes what the running drill has set up. @returns what could not be undone */
export async function cleanUp(): Promise<string[]> {
  return (await running?.leftovers.clear()) ?? [];
}

/** Runs one after the other and prints a line for each. A drill that fails stops none of the others. */
export async function runDrills(drills: readonly Drill[], output: DrillOutput): Promise<DrillOutcome[]> {
  const outcomes: DrillOutcome[] = [];
  for (const [index, drill] of drills.entries()) {
    const outcome = await runDrill(drill, (what) => output.progress(index / drills.length, `${drill.name}: ${what}`));
    outcomes.push(outcome);
    output.print(formatOutcome(drill, outcome));
  }
  return outcomes;
}

async function runDrill(drill: Drill, tell: (what: string) => void): Promise<DrillOutcome> {
  const startedMs = performance.now();
  const end = (kind: DrillOutcome['kind'], says: string): DrillOutcome => ({
    name: drill.name,
    kind,
    says,
    seconds: (performance.now() - startedMs) / 1000,
  });
  const missing = whatIsMissing(drill.needs);
  if (missing !== undefined) return end('SKIPPED', missing);
  tell(drill.does);
  const rig = await DrillRig.create(tell);
  running = rig;
  let outcome: DrillOutcome;
  try {
    outcome = end('pass', await within(drill.run(rig), drill.timeLimitMs ?? DEFAULT_TIME_LIMIT_MS));
  } catch (error) {
    const log = rig.log();
    const what = error instanceof DrillFailed ? error.message : `the drill broke: ${messageOf(error)}`;
    outcome = end(
      'FAIL',
      log === '' ? what : `${what}\n      the appliance logged: ${log.trim().replaceAll('\n', '\n      ')}`,
    );
  }
  const left = await rig.leftovers.clear();
  running = undefined;
  return left.length === 0
    ? outcome
    : { ...outcome, kind: 'FAIL', says: `${outcome.says}; left behind: ${left.join('; ')}` };
}

async function within<T>(work: Promise<T>, limitMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new DrillFailed(`not done after ${limitMs / 1000} s`)), limitMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function formatOutcome(drill: Drill, { kind, says, seconds }: DrillOutcome): string {
  const word = kind.padEnd(7);
  return `${word} ${drill.name.padEnd(NAME_CELLS)} ${drill.does.padEnd(DOES_CELLS)} ${says}  [${seconds.toFixed(1)} s]`;
}

/** To the terminal: lines to stdout, the bar to stderr. */
export function terminalOutput(): DrillOutput & { end(): void } {
  const bar = createProgressBar(process.stderr);
  return {
    print(line) {
      bar.end();
      process.stdout.write(`${line}\n`);
    },
    progress: (share, text) => bar.update(share, text),
    end: () => bar.end(),
  };
}
