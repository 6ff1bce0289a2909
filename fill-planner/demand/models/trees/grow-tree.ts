import { type BinnedFacts, STEP_COUNT } from './binned-facts.ts';

/** Splits and leaves as arrays; node 0 is the root. */
export interface Tree {
  /** Fact that a node splits by; -1 for a leaf. */
  readonly facts: Int16Array;
  /** Rows up to this step go left. */
  readonly steps: Uint8Array;
  /** The same as a value; what is not known goes left. */
  readonly limits: Float64Array;
  /** The right child is the next one. */
  readonly lefts: Int16Array;
  readonly values: Float64Array;
}

export interface GrowOptions {
  readonly leaves: number;
  readonly minRows: number;
  /** Added to the curvature of every leaf: few rows move little. */
  readonly ridge: number;
  /** Facts that this tree may split by. */
  readonly facts: readonly number[];
}

/** First and second derivative of the loss, by row. */
export interface Slopes {
  readonly slope: Float64Array;
  readonly curve: Float64Array;
}

interface Leaf {
  readonly node: number;
  /** Rows from here to there in the order. */
  readonly start: number;
  readonly end: number;
  /** Slope, curvature and count by fact and step. */
  readonly sums: Float64Array;
  readonly split: Split | undefined;
}

interface Split {
  readonly fact: number;
  readonly step: number;
  readonly gain: number;
}

const PARTS = 3;

/** Grows the leaf that gains most until there are enough. @param order indices of the rows to learn from; reordered */
export function growTree(facts: BinnedFacts, slopes: Slopes, order: Int32Array, options: GrowOptions): Tree {
  const size = 2 * options.leaves - 1;
  const tree: Tree = {
    facts: new Int16Array(size).fill(-1),
    steps: new Uint8Array(size),
    limits: new Float64Array(size),
    lefts: new Int16Array(size),
    values: new Float64Array(size),
  };
  const spare = new Int32Array(order.length);
  const root = sumSteps(facts, slopes, order, 0, order.length, options.facts);
  const leaves: Leaf[] = [settle(tree, { node: 0, start: 0, end: order.length, sums: root }, options)];
  let nodes = 1;
  while (leaves.length < options.leaves) {
    const best = leaves.reduce((a, b) => ((b.split?.gain ?? 0) > (a.split?.gain ?? 0) ? b : a));
    const { split } = best;
    if (split === undefined) break;
    const middle = partition(facts.steps[split.fact], split.step, order, spare, best.start, best.end);
    tree.facts[best.node] = split.fact;
    tree.steps[best.node] = split.step;
    tree.limits[best.node] =
      split.step === 0 ? Number.NEGATIVE_INFINITY : (facts.edges[split.fact]?.[split.step - 1] ?? 0);
    tree.lefts[best.node] = nodes;
    const isLeftSmall = middle - best.start < best.end - middle;
    const small = isLeftSmall
      ? sumSteps(facts, slopes, order, best.start, middle, options.facts)
      : sumSteps(facts, slopes, order, middle, best.end, options.facts);
    const large = best.sums.map((sum, at) => sum - (small[at] ?? 0));
    const [left, right] = isLeftSmall ? [small, large] : [large, small];
    leaves.splice(
      leaves.indexOf(best),
      1,
      settle(tree, { node: nodes, start: best.start, end: middle, sums: left }, options),
      settle(tree, { node: nodes + 1, start: middle, end: best.end, sums: right }, options),
    );
    nodes += 2;
  }
  return tree;
}

/** The leaf's value by Newton's step, and the best split of it. */
function settle(tree: Tree, leaf: Omit<Leaf, 'split'>, options: GrowOptions): Leaf {
  const { sums } = leaf;
  let [slope, curve, count] = [0, 0, 0];
  for (let at = 0; at < STEP_COUNT * PARTS; at += PARTS) {
    slope += sums[at] ?? 0;
    curve += sums[at + 1] ?? 0;
    count += sums[at + 2] ?? 0;
  }
  tree.values[leaf.node] = -slope / (curve + options.ridge);
  const whole = slope ** 2 / (curve + options.ridge);
  let split: Split | undefined;
  for (const [position, fact] of options.facts.entries()) {
    const base = position * STEP_COUNT * PARTS;
    let [leftSlope, leftCurve, leftCount] = [0, 0, 0];
    for (let step = 0; step < STEP_COUNT - 1; step++) {
      const at = base + step * PARTS;
      leftSlope += sums[at] ?? 0;
      leftCurve += sums[at + 1] ?? 0;
      leftCount += sums[at + 2] ?? 0;
      if (leftCount < options.minRows) continue;
      if (count - leftCount < options.minRows) break;
      const gain =
        leftSlope ** 2 / (leftCurve + options.ridge) +
        (slope - leftSlope) ** 2 / (curve - leftCurve + options.ridge) -
        whole;
      if (gain > (split?.gain ?? 1e-9)) split = { fact, step, gain };
    }
  }
  return { ...leaf, split };
}

function sumSteps(
  { steps }: BinnedFacts,
  { slope, curve }: Slopes,
  order: Int32Array,
  start: number,
  end: number,
  used: readonly number[],
): Float64Array {
  const sums = new Float64Array(used.length * STEP_COUNT * PARTS);
  for (const [position, fact] of used.entries()) {
    const column = steps[fact];
    if (column === undefined) continue;
    const base = position * STEP_COUNT * PARTS;
    for (let index = start; index < end; index++) {
      const row = order[index] ?? 0;
      const at = base + (column[row] ?? 0) * PARTS;
      sums[at] = (sums[at] ?? 0) + (slope[row] ?? 0);
      sums[at + 1] = (sums[at + 1] ?? 0) + (curve[row] ?? 0);
      sums[at + 2] = (sums[at + 2] ?? 0) + 1;
    }
  }
  return sums;
}

/** Puts the rows up to the step first, in their order. @returns where the others begin */
function partition(
  column: Uint8Array | undefined,
  step: number,
  order: Int32Array,
  spare: Int32Array,
  start: number,
  end: number,
): number {
  let [left, right] = [start, 0];
  for (let index = start; index < end; index++) {
    const row = order[index] ?? 0;
    if ((column?.[row] ?? 0) <= step) order[left++] = row;
    else spare[right++] = row;
  }
  order.set(spare.subarray(0, right), left);
  return left;
}
