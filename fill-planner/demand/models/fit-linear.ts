/**
 * Coefficients of a linear score, for the three questions that demand asks.
 *
 * Problem: decay, cold start and regional lists each learn from a few thousand rows and some twenty facts. Tables of
 * medians cannot use a fact that is a number, and trees bring a package and a training step that nobody can read.
 * Idea: one solver, iteratively reweighted least squares, and a loss that fits the question.
 *
 *   absolute   the median of exp(score): what the summed absolute error (WAPE) asks for
 *   mean       the mean of exp(score), the variance growing with mean^1.5: what ranking by expected bytes asks for
 *   chance     the probability 1 / (1 + exp(-score))
 *
 * Limits: what the facts do not say in a straight line is not learned; the ridge pulls all coefficients to zero, so
 * facts should be of size one. A start from the last fit makes a rolling origin cheap.
 */
export type Loss = 'absolute' | 'mean' | 'chance';

export interface FitRow {
  readonly facts: readonly number[];
  /** What was seen: a ratio or density (>= 0), or 0 and 1 for a chance. */
  readonly target: number;
  /** How much the row counts, above 0. */
  readonly weight: number;
}

export interface FitOptions {
  readonly loss: Loss;
  readonly ridge: number;
  readonly rounds: number;
  readonly start?: readonly number[] | undefined;
}

/** Scores beyond are cut: e^20 is past every real ratio, and nothing overflows. */
const SCORE_LIMIT = 20;
const STEP_LIMIT = 1;
/** Residuals of ratios below this count as this: the absolute loss has no curvature at zero. */
const FLAT_RESIDUAL = 0.02;
const VARIANCE_POWER = 1.5;

/** @returns one coefficient per fact; zeros when there are no rows */
export function fitLinear(rows: readonly FitRow[], width: number, options: FitOptions): number[] {
  let coefficients = [...(options.start ?? Array.from({ length: width }, () => 0))];
  if (rows.length === 0) return coefficients;
  for (let round = 0; round < options.rounds; round++) {
    const matrix = new Float64Array(width * width);
    const right = new Float64Array(width);
    for (const row of rows) addRow(matrix, right, row, coefficients, options.loss);
    for (let at = 0; at < width; at++) matrix[at * width + at] = (matrix[at * width + at] ?? 0) + options.ridge;
    const solved = solve(matrix, right, width);
    coefficients = coefficients.map((old, at) => (old + (solved[at] ?? 0)) / 2);
  }
  return coefficients;
}

export function scoreOf(coefficients: readonly number[], facts: readonly number[]): number {
  let score = 0;
  for (let at = 0; at < facts.length; at++) score += (coefficients[at] ?? 0) * (facts[at] ?? 0);
  return Math.max(-SCORE_LIMIT, Math.min(SCORE_LIMIT, score));
}

function addRow(
  matrix: Float64Array,
  right: Float64Array,
  { facts, target, weight }: FitRow,
  coefficients: readonly number[],
  loss: Loss,
): void {
  const score = scoreOf(coefficients, facts);
  const [curvature, step] = stepOf(loss, score, target);
  const counted = weight * curvature;
  const aim = score + Math.max(-STEP_LIMIT, Math.min(STEP_LIMIT, step));
  const width = facts.length;
  for (let row = 0; row < width; row++) {
    const scaled = counted * (facts[row] ?? 0);
    if (scaled === 0) continue;
    right[row] = (right[row] ?? 0) + scaled * aim;
    const base = row * width;
    for (let column = 0; column <= row; column++)
      matrix[base + column] = (matrix[base + column] ?? 0) + scaled * (facts[column] ?? 0);
  }
}

/** Curvature of the loss at this score, and the way from there to the row's own optimum. */
function stepOf(loss: Loss, score: number, target: number): readonly [number, number] {
  if (loss === 'chance') {
    const chance = 1 / (1 + Math.exp(-score));
    const curvature = Math.max(1e-4, chance * (1 - chance));
    return [curvature, (target - chance) / curvature];
  }
  const expected = Math.exp(score);
  const step = (target - expected) / expected;
  if (loss === 'mean') return [expected ** (2 - VARIANCE_POWER), step];
  return [expected ** 2 / Math.max(Math.abs(target - expected), FLAT_RESIDUAL), step];
}

/** Cholesky on the lower triangle, in place. */
function solve(matrix: Float64Array, right: Float64Array, width: number): Float64Array {
  const get = (row: number, column: number): number => matrix[row * width + column] ?? 0;
  for (let row = 0; row < width; row++) {
    for (let column = 0; column <= row; column++) {
      let sum = get(row, column);
      for (let k = 0; k < column; k++) sum -= get(row, k) * get(column, k);
      matrix[row * width + column] = row === column ? Math.sqrt(Math.max(sum, 1e-12)) : sum / get(column, column);
    }
  }
  for (let row = 0; row < width; row++) {
    let sum = right[row] ?? 0;
    for (let k = 0; k < row; k++) sum -= get(row, k) * (right[k] ?? 0);
    right[row] = sum / get(row, row);
  }
  for (let row = width - 1; row >= 0; row--) {
    let sum = right[row] ?? 0;
    for (let k = row + 1; k < width; k++) sum -= get(k, row) * (right[k] ?? 0);
    right[row] = sum / get(row, row);
  }
  return right;
}
