import type { World } from '../../src/world/world.ts';

/**
 * Names of decisions: short, and unique among replicas and restarts. An operator who is given one finds the decision in
 * the log.
 */
export class DecisionIds {
  readonly #process: string;
  #count = 0;

  constructor({ random }: Pick<World, 'random'>) {
    this.#process = random.bytes(6).toString('base64url');
  }

  next(): string {
    this.#count += 1;
    return `${this.#process}-${this.#count.toString(36)}`;
  }
}
