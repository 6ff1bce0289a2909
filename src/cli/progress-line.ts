const WIDTH = 28;

/**
 * One line that tells how far long work is: a bar that redraws itself on a terminal; elsewhere a line per step, so that
 * logs stay readable.
 */
export class ProgressLine {
  readonly #stream: NodeJS.WriteStream;
  #lastStep = '';
  #drawn = false;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  /** @param share 0 to 1 */
  show(share: number, step: string): void {
    const percent = `${Math.floor(Math.min(1, Math.max(0, share)) * 100)}`.padStart(3);
    if (this.#stream.isTTY) {
      const filled = Math.round(Math.min(1, Math.max(0, share)) * WIDTH);
      this.#stream.write(
        `\r\u001b[K${'█'.repeat(filled)}${'░'.repeat(WIDTH - filled)} ${percent} %  ${step.slice(0, Math.max(20, this.#stream.columns - WIDTH - 10))}`,
      );
      this.#drawn = true;
      return;
    }
    // Numbers in a step change many times a second; only its words make a new line.
    const words = step.replaceAll(/[\d.]+/g, '#');
    if (words === this.#lastStep) return;
    this.#lastStep = words;
    this.#stream.write(`${percent} %  ${step}\n`);
  }

  /** Leaves the line to whatever is printed next. */
  end(): void {
    if (this.#drawn) this.#stream.write('\r\u001b[K');
    this.#drawn = false;
  }
}
