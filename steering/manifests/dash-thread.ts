import { parentPort } from 'node:worker_threads';
import { messageOf } from '../../src/errors/operational-error.ts';
import { XmlError } from '../../src/xml/xml-document.ts';
import type { DashOutcome, DashQuestion } from './prepare-in-thread.ts';
import { prepareDash } from './render-dash.ts';

/** The thread of prepare-in-thread.ts: one MPD in, its template out. */
parentPort?.on('message', ({ number, dash, originUrl }: DashQuestion) => {
  parentPort?.postMessage({ number, outcome: outcomeOf(dash, originUrl) });
});

function outcomeOf(dash: DashQuestion['dash'], originUrl: string): DashOutcome {
  try {
    return { template: prepareDash(dash, originUrl) };
  } catch (error) {
    return error instanceof XmlError ? { template: 'broken' } : { problem: messageOf(error) };
  }
}
