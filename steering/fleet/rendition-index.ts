import type { CatalogueTitle } from '../../src/contracts/catalogue-snapshot.ts';

/** A rendition that counts towards no title: unknown to the catalogue, or a manifest. */
export const NO_TITLE = -1;

/** The numbers that names have, in every generation of the index. */
interface Numbers {
  readonly titles: Map<string, number>;
  readonly renditions: Map<string, number>;
}

/**
 * Numbers for titles and renditions, and which rendition counts how much towards which title. A number, once given,
 * keeps its meaning for as long as this process lives, so a list of a plan is turned into numbers once; a new catalogue
 * only changes what the numbers say. What a generation says it says for ever: who counted by it can go on.
 */
export class RenditionIndex {
  readonly #numbers: Numbers;
  /** By rendition. */
  readonly #titleOf: number[] = [];
  readonly #bytesOf: number[] = [];
  /** By title: the bytes of all that counts. */
  readonly #totalBytes: number[] = [];

  constructor(numbers: Numbers = { titles: new Map(), renditions: new Map() }) {
    this.#numbers = numbers;
  }

  /** Of this generation and all before it. */
  get titleCount(): number {
    return this.#numbers.titles.size;
  }

  titleNumber(titleId: string): number | undefined {
    return this.#numbers.titles.get(titleId);
  }

  renditionNumber(renditionId: string): number {
    const { renditions } = this.#numbers;
    const known = renditions.get(renditionId);
    if (known !== undefined) return known;
    const number = renditions.size;
    renditions.set(renditionId, number);
    return number;
  }

  titleOf(rendition: number): number {
    return this.#titleOf[rendition] ?? NO_TITLE;
  }

  bytesOf(rendition: number): number {
    return this.#bytesOf[rendition] ?? 0;
  }

  totalBytes(title: number): number {
    return this.#totalBytes[title] ?? 0;
  }

  /** The same numbers with what another catalogue says of them. @yields how many renditions were described */
  *with(titles: Iterable<CatalogueTitle>): Generator<number, RenditionIndex> {
    const next = new RenditionIndex(this.#numbers);
    for (const title of titles) {
      next.#describe(title);
      yield title.renditions.length;
    }
    return next;
  }

  /** Media counts; manifests alone are nothing to play from, so they count only where there is nothing else. */
  #describe({ id, renditions }: CatalogueTitle): void {
    const { titles } = this.#numbers;
    const number = titles.get(id) ?? titles.size;
    titles.set(id, number);
    const media = renditions.filter(({ kind }) => kind !== 'manifest');
    let totalBytes = 0;
    for (const rendition of media.length > 0 ? media : renditions) {
      const at = this.renditionNumber(rendition.id);
      // An empty rendition still counts as something to hold.
      const bytes = Math.max(1, rendition.sizeBytes);
      set(this.#titleOf, at, number, NO_TITLE);
      set(this.#bytesOf, at, bytes, 0);
      totalBytes += bytes;
    }
    set(this.#totalBytes, number, totalBytes, 0);
  }
}

/** Without holes, which make an array slow. */
function set(numbers: number[], at: number, value: number, otherwise: number): void {
  while (numbers.length < at) numbers.push(otherwise);
  numbers[at] = value;
}
