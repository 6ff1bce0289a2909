import { parentPort, workerData } from 'node:worker_threads';
import type { FillPlanFile } from '../../../../src/contracts/fill-plan.ts';
import { isOperational, messageOf, OperationalError } from '../../../../src/errors/operational-error.ts';
import { PlanFile } from '../plan-file.ts';
import { judgePlan, type PlanQuestion } from './judge-plan.ts';
import type { FromPlanThread, PlanThreadData, ToPlanThread } from './plan-messages.ts';

/** The thread behind plan-taker.ts: holds one plan, its text and what became of it, until it is ended. */
const file = new PlanFile((workerData as PlanThreadData).stateDir);

/** Less than two milliseconds to take in, on the other side. */
const FILES_PER_LOT = 250;

let pieces: Uint8Array[] = [];
let text = '';
let files: readonly FillPlanFile[] = [];
let given = 0;

function answer(message: ToPlanThread): FromPlanThread | undefined {
  switch (message.kind) {
    case 'piece':
      pieces.push(message.bytes);
      return undefined;
    case 'judge':
      text = Buffer.concat(pieces).toString();
      pieces = [];
      return judge(decode(text), undefined, message.question);
    case 'judge-kept': {
      const kept = file.readPlan();
      if (kept === undefined) throw new OperationalError('STATE_CORRUPT', 'the kept plan has gone');
      return judge(kept.plan, kept.etag, message.question);
    }
    case 'files': {
      const lot = files.slice(given, given + FILES_PER_LOT);
      given += lot.length;
      return { kind: 'files', files: lot };
    }
    case 'keep':
      file.writePlanText(message.etag, text);
      return { kind: 'kept' };
  }
}

function decode(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    throw new OperationalError('SERVICE_PROTOCOL', `the plan: ${messageOf(error)}`, { cause: error });
  }
}

function judge(document: unknown, etag: string | undefined, question: PlanQuestion): FromPlanThread {
  const verdict = judgePlan(document, question);
  if (verdict.kind !== 'take') return { kind: 'verdict', verdict, etag };
  const { files: planFiles, ...plan } = verdict.plan;
  files = planFiles;
  return { kind: 'verdict', verdict: { ...verdict, plan }, etag };
}

parentPort?.on('message', (message: ToPlanThread) => {
  try {
    const answered = answer(message);
    if (answered !== undefined) parentPort?.postMessage(answered);
  } catch (error) {
    if (!isOperational(error)) throw error;
    parentPort?.postMessage({ kind: 'failed', code: error.code, detail: error.detail } satisfies FromPlanThread);
  }
});
