/**
 * What has to be undone, the last first, however a drill ends: well, badly, by Ctrl-C. A mount that stays, a stopped
 * process or a frozen disk would trouble whoever uses the machine next.
 */
export class Leftovers {
  readonly #undo: { readonly what: string; readonly task: () => void | Promise<void> }[] = [];

  /** @param what for the complaint when it cannot be undone */
  add(what: string, task: () => void | Promise<void>): void {
    this.#undo.push({ what, task });
  }

  /** Never throws. @returns what could not be undone, one line each */
  async clear(): Promise<string[]> {
    const problems: string[] = [];
    for (let next = this.#undo.pop(); next !== undefined; next = this.#undo.pop()) {
      try {
        await next.task();
      } catch (error) {
        problems.push(`${next.what}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    return problems;
  }
}
