import { seededRandom, type Trace, traceOf } from './trace.ts';

/**
 * Workloads made from a seed: each is one thing that happens to a cache of an ISP, in the pure. Sizes are those of
 * renditions of a title, 10 MB to 2 GB, spread evenly over the logarithm; popularity follows Zipf's law with an exponent
 * of 0.8 to 1, as measured for video again and again.
 */
const MIN_BYTES = 10e6;
const MAX_BYTES = 2e9;

class Generator {
  readonly random: () => number;
  readonly requests: { id: number; bytes: number }[] = [];
  readonly #bytes = new Map<number, number>();

  constructor(seed: number) {
    this.random = seededRandom(seed);
  }

  ask(id: number): void {
    let bytes = this.#bytes.get(id);
    if (bytes === undefined) {
      bytes = Math.round(MIN_BYTES * (MAX_BYTES / MIN_BYTES) ** this.random());
      this.#bytes.set(id, bytes);
    }
    this.requests.push({ id, bytes });
  }
}

/** A rank from 0, drawn by Zipf's law. */
function zipf(count: number, exponent: number): (random: number) => number {
  const sums = new Float64Array(count);
  let sum = 0;
  for (let rank = 0; rank < count; rank += 1) {
    sum += (rank + 1) ** -exponent;
    sums[rank] = sum;
  }
  return (random) => {
    const sought = random * sum;
    let low = 0;
    let high = count - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] ?? 0) < sought) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

/** What is popular changes: every thousand requests a twentieth of the ranks goes to other titles. */
export function popularityDrift(): Trace {
  const generator = new Generator(1);
  const titles = 5000;
  const rankOf = zipf(titles, 0.9);
  const titleOf = Array.from({ length: titles }, (_, rank) => rank);
  for (let request = 0; request < 60_000; request += 1) {
    if (request % 1000 === 999) {
      for (let swap = 0; swap < titles / 40; swap += 1) {
        const [one, other] = [Math.floor(generator.random() * titles), Math.floor(generator.random() * titles)];
        [titleOf[one], titleOf[other]] = [titleOf[other] ?? 0, titleOf[one] ?? 0];
      }
    }
    generator.ask(titleOf[rankOf(generator.random())] ?? 0);
  }
  return traceOf('popularity drift', generator.requests);
}

/** A catalogue as always; from the third quarter on four of ten requests are for eight episodes that did not exist before. */
export function launchDay(): Trace {
  const generator = new Generator(2);
  const rankOf = zipf(8000, 0.8);
  for (let request = 0; request < 60_000; request += 1) {
    const isLaunch = request > 33_000 && generator.random() < 0.4 * Math.exp(-(request - 33_000) / 15_000);
    generator.ask(isLaunch ? 1e6 + Math.floor(generator.random() ** 2 * 8) : rankOf(generator.random()));
  }
  return traceOf('launch day', generator.requests);
}

/** Somebody walks through the whole catalogue, again and again, while others watch: a crawler, a monitor, a backup. */
export function scan(): Trace {
  const generator = new Generator(3);
  const rankOf = zipf(3000, 0.9);
  let scanned = 0;
  for (let request = 0; request < 60_000; request += 1) {
    if (generator.random() < 0.5) {
      generator.ask(1e6 + (scanned % 20_000));
      scanned += 1;
    } else generator.ask(rankOf(generator.random()));
  }
  return traceOf('scan', generator.requests);
}

/** A few hundred households: hardly anything is shared, most repeats are the same people within the hour. */
export function smallIsp(): Trace {
  const generator = new Generator(4);
  const rankOf = zipf(50_000, 0.7);
  const lately: number[] = [];
  for (let request = 0; request < 12_000; request += 1) {
    const isRepeat = lately.length > 0 && generator.random() < 0.25;
    const back = Math.floor(generator.random() ** 3 * lately.length);
    const id = isRepeat ? (lately[lately.length - 1 - back] ?? 0) : rankOf(generator.random());
    generator.ask(id);
    lately.push(id);
    if (lately.length > 200) lately.shift();
  }
  return traceOf('small ISP', generator.requests);
}
