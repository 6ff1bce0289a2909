/**
 * Health of one service as named conditions. A condition that fails says why in words; `/readyz` is their sum and the
 * heartbeat carries the reasons. `/healthz` only says that the process turns: a supervisor must not restart a cache
 * because its origin is down.
 */
export class Health {
  readonly #failing = new Map<string, string>();

  fail(condition: string, reason: string): void {
    this.#failing.set(condition, reason);
  }

  pass(condition: string): void {
    this.#failing.delete(condition);
  }

  get ready(): boolean {
    return this.#failing.size === 0;
  }

  reasons(): string[] {
    return [...this.#failing].map(([condition, reason]) => `${condition}: ${reason}`);
  }
}
