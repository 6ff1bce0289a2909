import type { z } from 'zod';

/**
 * Thrown when a body does not fit its contract. `path` points into the body, so that the sender's author can find the
 * field. The receiver answers 400 with it and keeps what it had.
 */
export class ContractError extends Error {
  readonly contract: string;
  readonly problems: readonly string[];

  constructor(contract: string, problems: readonly string[]) {
    super(`not a valid ${contract}: ${problems.join('; ')}`);
    this.name = 'ContractError';
    this.contract = contract;
    this.problems = problems;
  }
}

const MAX_PROBLEMS = 8;

/**
 * Checks a decoded JSON body against its schema. Unknown fields are dropped, so that a newer sender can be understood.
 * @throws ContractError with at most eight problems, each as `path: what is wrong`.
 */
export function parseContract<S extends z.ZodType>(contract: string, schema: S, body: unknown): z.output<S> {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const problems = result.error.issues.slice(0, MAX_PROBLEMS).map((issue) => {
    const where = issue.path.map(String).join('.');
    return `${where === '' ? 'body' : where}: ${issue.message}`;
  });
  throw new ContractError(contract, problems);
}
