import type { CatalogueSnapshot, CatalogueTitle } from '../../src/contracts/catalogue-snapshot.ts';
import { PackedTitle } from './packed-title.ts';

/** One catalogue, indexed; it never changes. */
export class Catalogue {
  readonly version: number;
  readonly receivedAtMs: number;
  readonly #titles: ReadonlyMap<string, CatalogueTitle>;
  #titlesByPath: ReadonlyMap<string, CatalogueTitle> | undefined;

  constructor(snapshot: CatalogueSnapshot, receivedAtMs: number) {
    this.version = snapshot.catalogueVersion;
    this.receivedAtMs = receivedAtMs;
    this.#titles = new Map(snapshot.titles.map((title) => [title.id, new PackedTitle(title)]));
  }

  get size(): number {
    return this.#titles.size;
  }

  find(titleId: string): CatalogueTitle | undefined {
    return this.#titles.get(titleId);
  }

  /** The title that has a file, playlist or manifest at this path. Indexed by the first question: few steer by redirects. */
  findByPath(path: string): CatalogueTitle | undefined {
    this.#titlesByPath ??= new Map(
      [...this.#titles.values()].flatMap((title) => pathsOf(title).map((each) => [each, title] as const)),
    );
    return this.#titlesByPath.get(path);
  }
}

function pathsOf({ renditions, hls, dash }: CatalogueTitle): string[] {
  return [
    ...renditions.flatMap(({ files }) => files.map(({ path }) => path)),
    ...(hls === undefined ? [] : [...hls.variants, ...hls.media].map(({ playlistPath }) => playlistPath)),
    ...(dash === undefined ? [] : [dash.path]),
  ];
}
