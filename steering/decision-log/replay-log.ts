import { readFile, stat } from 'node:fs/promises';
import { messageOf, OperationalError } from '../../src/errors/operational-error.ts';
import { rankAppliances } from '../ranking/rank-appliances.ts';
import { logFiles } from './decision-log.ts';
import { readFrames } from './log-frames.ts';
import { decisionsOf, type LoggedDecision } from './logged-decision.ts';

/** A logged decision that this version of the ranking makes otherwise. */
export interface Difference {
  readonly decision: LoggedDecision;
  readonly now: readonly string[];
}

export interface ReplayTally {
  readonly files: number;
  readonly decisions: number;
  readonly differing: number;
  /** Those of them whose first place differs: viewers who would be elsewhere. */
  readonly firstPlaceDiffers: number;
  readonly torn: ReadonlyArray<{ readonly file: string; readonly offset: number; readonly because: string }>;
}

/**
 * Makes every decision of a log again from what it knew, and compares the places one by one. The same version of the
 * software must not differ in one; a newer one shows here which viewers it would send elsewhere, before it is installed.
 * @param path one file of a log or its folder
 * @param onDecision sees each decision as it is read, with its difference if it has one
 * @throws OperationalError CONFIG_INVALID when there is no log at the path
 */
export async function replayLog(
  path: string,
  onDecision: (decision: LoggedDecision, difference: Difference | undefined) => void,
): Promise<ReplayTally> {
  const files = await filesOf(path);
  const torn: Array<{ file: string; offset: number; because: string }> = [];
  let [decisions, differing, firstPlaceDiffers] = [0, 0, 0];
  for (const file of files) {
    for (const frame of readFrames(await readFile(file))) {
      if ('torn' in frame) {
        torn.push({ file, ...frame.torn });
        continue;
      }
      for (const decision of decisionsOf(frame.document)) {
        const difference = differenceOf(decision);
        decisions += 1;
        if (difference !== undefined) {
          differing += 1;
          if (difference.now[0] !== decision.ranked[0]) firstPlaceDiffers += 1;
        }
        onDecision(decision, difference);
      }
    }
  }
  return { files: files.length, decisions, differing, firstPlaceDiffers, torn };
}

function differenceOf(decision: LoggedDecision): Difference | undefined {
  const { ranked } = rankAppliances(decision.candidates, decision.session);
  const now = ranked.map(({ candidate }) => candidate.member.id);
  const isSame = now.length === decision.ranked.length && now.every((id, place) => id === decision.ranked[place]);
  return isSame ? undefined : { decision, now };
}

async function filesOf(path: string): Promise<string[]> {
  try {
    const files = (await stat(path)).isDirectory() ? await logFiles(path) : [path];
    if (files.length > 0) return files;
  } catch (error) {
    throw new OperationalError('CONFIG_INVALID', `no decision log at ${path}: ${messageOf(error)}`, { cause: error });
  }
  throw new OperationalError(
    'CONFIG_INVALID',
    `no decision log in ${path}: steering keeps it in the folder 'decisions' of its state`,
  );
}
