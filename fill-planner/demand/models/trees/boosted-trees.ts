import { type BinnedFacts, binFacts } from './binned-facts.ts';
import { growTree, type Slopes, type Tree } from './grow-tree.ts';

/**
 * A sum of small trees, each grown on what those before it still got wrong: for questions where a straight line through
 * the facts does not do.
 *
 * Problem: a film in its second week that has fallen by two thirds behaves unlike a series that did, and a fact that is
 * not known is no number at all. A line needs a product of facts for each such case, and somebody who thinks of it.
 * Idea: gradient boosting (Friedman 2001) on counts by steps, leaf by leaf (as LightGBM, 2017), each tree on a part of
 * the rows and facts. It has to beat the line by rolling origin, else the line stays.
 *
 *   absolute   the median of exp(score), by Huber's loss on logarithms: what the summed absolute error asks for
 *   mean       the mean of exp(score), variance growing with mean^1.5 (Tweedie): ranking by expected bytes
 *   chance     the probability 1 / (1 + exp(-score))
 *
 * Limits: it does not extrapolate: beyond what was seen a tree says what it said at the edge. The same rows give the
 * same trees, whatever the machine: the draw of rows and facts is part of the method, from a fixed seed.
 */
export type TreeLoss = 'absolute' | 'mean' | 'chance';

export interface TreeOptions {
  readonly loss: TreeLoss;
  readonly rounds: number;
  readonly leaves: number;
  readonly minRows: number;
  readonly ridge: number;
  /** Part of each tree's step that is taken, 0 to 1. */
  readonly rate: number;
  /** Parts of the rows and of the facts that a tree learns from, 0 to 1. */
  readonly rowShare: number;
  readonly factShare: number;
}

export interface TreeRow {
  /** NaN where one is not known. */
  readonly facts: readonly number[];
  /** A ratio above 0, a density from 0, or 0 and 1 for a chance. */
  readonly target: number;
  readonly weight: number;
}

export interface TreeModel {
  readonly start: number;
  readonly rate: number;
  readonly trees: readonly Tree[];
}

const SCORE_LIMIT = 20;
/** Logarithms of ratios that are off by more than this pull no harder. */
const HUBER_LIMIT = 0.2;
const VARIANCE_POWER = 1.5;

export function fitTrees(rows: readonly TreeRow[], options: TreeOptions): TreeModel {
  const width = rows[0]?.facts.length ?? 0;
  const start = startOf(rows, options.loss);
  const trees: Tree[] = [];
  if (rows.length === 0) return { start, rate: options.rate, trees };
  const facts = binFacts(
    rows.map((row) => row.facts),
    width,
  );
  const scores = new Float64Array(rows.length).fill(start);
  const slopes: Slopes = { slope: new Float64Array(rows.length), curve: new Float64Array(rows.length) };
  const random = drawsFrom(rows.length);
  const drawn = new Int32Array(rows.length);
  for (let round = 0; round < options.rounds; round++) {
    measureSlopes(rows, scores, options.loss, slopes);
    let count = 0;
    for (let row = 0; row < rows.length; row++) if (random() < options.rowShare) drawn[count++] = row;
    const used = Array.from({ length: width }, (_, fact) => fact).filter(() => random() < options.factShare);
    const tree = growTree(facts, slopes, drawn.subarray(0, count), { ...options, facts: used });
    trees.push(tree);
    addTree(scores, facts, tree, options.rate);
  }
  return { start, rate: options.rate, trees };
}

/** Sum of all trees for the facts of one row; its meaning is the loss's. */
export function scoreByTrees({ start, rate, trees }: TreeModel, facts: readonly number[]): number {
  let score = start;
  for (const tree of trees) {
    let node = 0;
    for (let fact = tree.facts[0] ?? -1; fact >= 0; fact = tree.facts[node] ?? -1) {
      const value = facts[fact] ?? Number.NaN;
      const isRight = value > (tree.limits[node] ?? 0);
      node = (tree.lefts[node] ?? 0) + (isRight ? 1 : 0);
    }
    score += rate * (tree.values[node] ?? 0);
  }
  return clampScore(score);
}

const clampScore = (score: number): number => Math.max(-SCORE_LIMIT, Math.min(SCORE_LIMIT, score));

function addTree(scores: Float64Array, facts: BinnedFacts, tree: Tree, rate: number): void {
  for (let row = 0; row < scores.length; row++) {
    let node = 0;
    for (let fact = tree.facts[0] ?? -1; fact >= 0; fact = tree.facts[node] ?? -1)
      node = (tree.lefts[node] ?? 0) + ((facts.steps[fact]?.[row] ?? 0) > (tree.steps[node] ?? 0) ? 1 : 0);
    scores[row] = clampScore((scores[row] ?? 0) + rate * (tree.values[node] ?? 0));
  }
}

function startOf(rows: readonly TreeRow[], loss: TreeLoss): number {
  let [weights, sum] = [0, 0];
  for (const { weight, target } of rows) {
    weights += weight;
    sum += weight * (loss === 'absolute' ? Math.log(target) : target);
  }
  if (weights === 0) return 0;
  const mean = sum / weights;
  if (loss === 'absolute') return clampScore(mean);
  if (loss === 'mean') return clampScore(Math.log(Math.max(1e-9, mean)));
  const chance = Math.max(1e-6, Math.min(1 - 1e-6, mean));
  return Math.log(chance / (1 - chance));
}

function measureSlopes(rows: readonly TreeRow[], scores: Float64Array, loss: TreeLoss, { slope, curve }: Slopes): void {
  for (const [at, { target, weight }] of rows.entries()) {
    const score = scores[at] ?? 0;
    if (loss === 'chance') {
      const chance = 1 / (1 + Math.exp(-score));
      slope[at] = weight * (chance - target);
      curve[at] = weight * Math.max(1e-6, chance * (1 - chance));
    } else if (loss === 'mean') {
      const below = target * Math.exp((1 - VARIANCE_POWER) * score);
      const above = Math.exp((2 - VARIANCE_POWER) * score);
      slope[at] = weight * (above - below);
      curve[at] = weight * ((VARIANCE_POWER - 1) * below + (2 - VARIANCE_POWER) * above);
    } else {
      const off = score - Math.log(target);
      slope[at] = weight * Math.max(-HUBER_LIMIT, Math.min(HUBER_LIMIT, off));
      curve[at] = weight;
    }
  }
}

/** Park and Miller's generator. */
function drawsFrom(seed: number): () => number {
  let state = (seed % 2_147_483_646) + 1;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}
