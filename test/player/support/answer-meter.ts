/**
 * What a request costs on this machine: one after the other, of a small file, from the server of the page, which has no
 * part in the delivery. On a machine whose processors are all taken every answer is late, and how long they took says how
 * much of a dry stall (deploy/demo/page/stall-meter.js) is the machine's.
 */
export interface AnswerRecord {
  /** Longest that the page's own server took for an answer. */
  longestAnswerMs: number;
}

/** Runs in the page, before its own scripts: it may use nothing from outside itself. */
export function meterAnswers(): void {
  const record: AnswerRecord = { longestAnswerMs: 0 };
  (globalThis as unknown as { answers: AnswerRecord }).answers = record;
  const ask = (): void => {
    const askedAt = performance.now();
    const note = (): void => {
      record.longestAnswerMs = Math.max(record.longestAnswerMs, performance.now() - askedAt);
      setTimeout(ask, 200);
    };
    fetch('/element.js')
      .then((response) => response.text())
      .then(note, note);
  };
  ask();
}
