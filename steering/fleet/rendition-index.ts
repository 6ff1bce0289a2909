import type { CatalogueTitle } from '../../src/contracts/catalogue-snapshot.ts';

/** A rendition that counts towards no title: unknown to the catalogue, or a manifest. */
export const NO_TITLE = -1;

/**
 * Numbers for titles and renditions, and which rendition counts how much towards which title. A number, once given,
 * keeps its meaning for as long as this process lives, so a list of a plan is turned into numbers once; a new catalogue
 * only changes what the numbers say.
 */
export class RenditionIndex {
  readonly #titles = new Map<string, number>();
  readonly #renditions = new Map<string, number>();
  /** By rendition. */
  #titleOf: number[] = [];
  #bytesOf: number[] = [];
  /** By title: the bytes of all that counts. */
  #totalBytes: number[] = [];

  get titleCount(): number {
    return this.#titles.size;
  }

  titleNumber(titleId: string): number | undefined {
    return this.#titles.get(titleId);
  }

  renditionNumber(renditionId: string): number {
    const known = this.#renditions.get(renditionId);
    if (known !== undefined) return known;
    const number = this.#renditions.size;
    this.#renditions.set(renditionId, number);
    this.#titleOf.push(NO_TITLE);
    this.#bytesOf.push(0);
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

  /** The same numbers with what another catalogue says of them; this one stays as it is. */
  with(titles: Iterable<CatalogueTitle>): RenditionIndex {
    const next = new RenditionIndex();
    for (const [titleId, number] of this.#titles) next.#titles.set(titleId, number);
    for (const rendition of this.#renditions.keys()) next.renditionNumber(rendition);
    next.#totalBytes = Array.from({ length: this.titleCount }, () => 0);
    for (const title of titles) next.#describe(title);
    return next;
  }

  /** Media counts; manifests alone are nothing to play from, so they count only where there is nothing else. */
  #describe({ id, renditions }: CatalogueTitle): void {
    const number = this.#titles.get(id) ?? this.#titles.size;
    this.#titles.set(id, number);
    const media = renditions.filter(({ kind }) => kind !== 'manifest');
    let totalBytes = 0;
    for (const rendition of media.length > 0 ? media : renditions) {
      const at = this.renditionNumber(rendition.id);
      // An empty rendition still counts as something to hold.
      const bytes = Math.max(1, rendition.sizeBytes);
      this.#titleOf[at] = number;
      this.#bytesOf[at] = bytes;
      totalBytes += bytes;
    }
    this.#totalBytes[number] = totalBytes;
  }
}
