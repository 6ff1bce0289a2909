import { deviceClassOf } from './device-class.ts';
import type { DeviceRule } from './policy.ts';

/** A query as far as rules ask it. */
export interface QueryLookup {
  get(name: string): string | null;
}

/** Longer ones are cut: no rule needs more, and the texts are kept. */
const MAX_AGENT_CHARS = 256;
const MAX_AGENTS = 2000;

/**
 * The first rule that matches a device. Most viewers share a few hundred User-Agents, so which rules one can match at
 * all is found once for each. The memory of them is bounded, and begins afresh when it is full: whoever sends a new
 * text with each request costs a search each, and nothing else.
 */
export class DeviceRules {
  readonly #rules: readonly DeviceRule[];
  readonly #byAgent = new Map<string, readonly DeviceRule[]>();

  constructor(rules: readonly DeviceRule[]) {
    this.#rules = rules;
  }

  find(userAgent: string | undefined, query: QueryLookup): DeviceRule | undefined {
    if (this.#rules.length === 0) return undefined;
    for (const rule of this.#ofAgent((userAgent ?? '').slice(0, MAX_AGENT_CHARS)))
      if (matchesQuery(rule, query)) return rule;
    return undefined;
  }

  #ofAgent(userAgent: string): readonly DeviceRule[] {
    const known = this.#byAgent.get(userAgent);
    if (known !== undefined) return known;
    const lower = userAgent.toLowerCase();
    const deviceClass = deviceClassOf(lower);
    const found = this.#rules.filter(
      ({ classes, userAgent: parts }) =>
        (classes.length === 0 || classes.includes(deviceClass)) &&
        (parts.length === 0 || parts.some((part) => lower.includes(part))),
    );
    if (this.#byAgent.size >= MAX_AGENTS) this.#byAgent.clear();
    this.#byAgent.set(userAgent, found);
    return found;
  }
}

function matchesQuery({ query }: DeviceRule, given: QueryLookup): boolean {
  for (const [name, value] of query) {
    const found = given.get(name);
    if (found === null || (value !== '*' && value !== found)) return false;
  }
  return true;
}
