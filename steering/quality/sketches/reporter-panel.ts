/**
 * Who was heard of one appliance lately, and what each said last: a vote per reporter, however often it reports.
 *
 * Ten thousand viewers need not all be remembered to know which share of them fails. Kept are those with the smallest
 * hashes (a bottom-k sketch): which ones that is does not depend on what they say, so the share among them is the share
 * among all. Reporters are known by a keyed hash only; after the window they are gone.
 */
const MAX_VOTERS = 128;

export interface PanelCount {
  readonly failing: number;
  readonly heard: number;
}

export class ReporterPanel {
  readonly #windowMs: number;
  readonly #reporters: number[] = [];
  readonly #heardAtMs: number[] = [];
  readonly #fails: boolean[] = [];

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  note(reporter: number, fails: boolean, nowMs: number): void {
    let largest = 0;
    for (let at = 0; at < this.#reporters.length; at += 1) {
      const here = this.#reporters[at] ?? 0;
      if (here === reporter) {
        this.#heardAtMs[at] = nowMs;
        this.#fails[at] = fails;
        return;
      }
      if (here > (this.#reporters[largest] ?? 0)) largest = at;
    }
    if (this.#reporters.length < MAX_VOTERS) largest = this.#reporters.length;
    else if (reporter > (this.#reporters[largest] ?? 0)) return;
    this.#reporters[largest] = reporter;
    this.#heardAtMs[largest] = nowMs;
    this.#fails[largest] = fails;
  }

  /** Of those heard within the window; forgets the others. */
  count(nowMs: number): PanelCount {
    let heard = 0;
    let failing = 0;
    for (let at = 0; at < this.#reporters.length; at += 1) {
      const heardAtMs = this.#heardAtMs[at] ?? 0;
      if (nowMs - heardAtMs > this.#windowMs) continue;
      const fails = this.#fails[at] === true;
      this.#reporters[heard] = this.#reporters[at] ?? 0;
      this.#heardAtMs[heard] = heardAtMs;
      this.#fails[heard] = fails;
      heard += 1;
      if (fails) failing += 1;
    }
    this.#reporters.length = heard;
    this.#heardAtMs.length = heard;
    this.#fails.length = heard;
    return { failing, heard };
  }

  clear(): void {
    this.#reporters.length = 0;
    this.#heardAtMs.length = 0;
    this.#fails.length = 0;
  }
}
