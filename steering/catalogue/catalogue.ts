import type { CatalogueSnapshot, CatalogueTitle } from '../../src/contracts/catalogue-snapshot.ts';

/** One catalogue, indexed; it never changes. */
export class Catalogue {
  readonly version: number;
  readonly receivedAtMs: number;
  readonly #titles: ReadonlyMap<string, CatalogueTitle>;

  constructor(snapshot: CatalogueSnapshot, receivedAtMs: number) {
    this.version = snapshot.catalogueVersion;
    this.receivedAtMs = receivedAtMs;
    this.#titles = new Map(snapshot.titles.map((title) => [title.id, title]));
  }

  get size(): number {
    return this.#titles.size;
  }

  find(titleId: string): CatalogueTitle | undefined {
    return this.#titles.get(titleId);
  }
}
