/**
 * Progress of something that takes a while: one line that is drawn over on a terminal; on anything else, a plain line
 * now and then, so that a log stays readable.
 */
export interface ProgressBar {
  /** @param doneShare 0 to 1, or undefined when nobody knows how much there is @param text what is happening */
  update(doneShare: number | undefined, text: string): void;
  /** Clears the line; what is printed next starts clean. */
  end(): void;
}

export interface ProgressOutput {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

const BAR_CELLS = 24;
const PLAIN_EVERY_SHARE = 0.1;

export function createProgressBar(output: ProgressOutput): ProgressBar {
  return output.isTTY === true ? terminalBar(output) : plainLines(output);
}

function terminalBar(output: ProgressOutput): ProgressBar {
  return {
    update(doneShare, text) {
      const line = `${doneShare === undefined ? '' : `${bar(doneShare)} `}${text}`;
      output.write(`\r\x1b[K${line.slice(0, (output.columns ?? 80) - 1)}`);
    },
    end() {
      output.write('\r\x1b[K');
    },
  };
}

function plainLines(output: ProgressOutput): ProgressBar {
  let lastShare = Number.NEGATIVE_INFINITY;
  let lastText = '';
  return {
    update(doneShare, text) {
      const isDue = doneShare === undefined ? text !== lastText : doneShare - lastShare >= PLAIN_EVERY_SHARE;
      if (!isDue) return;
      lastShare = doneShare ?? lastShare;
      lastText = text;
      output.write(`${doneShare === undefined ? '' : `${percent(doneShare)} `}${text}\n`);
    },
    end() {
      // Every line is complete already.
    },
  };
}

function bar(doneShare: number): string {
  const cells = Math.round(Math.min(1, Math.max(0, doneShare)) * BAR_CELLS);
  return `[${'#'.repeat(cells)}${'.'.repeat(BAR_CELLS - cells)}] ${percent(doneShare)}`;
}

const percent = (share: number): string => `${String(Math.round(share * 100)).padStart(3)}%`;
