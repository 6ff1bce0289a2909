import type { CatalogueTitle } from '../../src/contracts/catalogue-snapshot.ts';

type Lists = Pick<CatalogueTitle, 'renditions' | 'hls'>;

/**
 * A title whose lists are one text until somebody asks for them. Steering looks at them where it writes a manifest,
 * answers with redirects or signs a folder; they are nearly all of a catalogue. As objects, those of a hundred thousand
 * files were half of all that the collector had to walk over (measured); a text is nothing to it.
 */
export class PackedTitle implements CatalogueTitle {
  readonly id: string;
  readonly name: string;
  readonly durationMs: number;
  readonly originUrl: string;
  readonly dash?: NonNullable<CatalogueTitle['dash']>;
  readonly #lists: string;

  constructor({ id, name, durationMs, originUrl, dash, renditions, hls }: CatalogueTitle) {
    this.id = id;
    this.name = name;
    this.durationMs = durationMs;
    this.originUrl = originUrl;
    if (dash !== undefined) this.dash = dash;
    this.#lists = JSON.stringify({ renditions, hls } satisfies Lists);
  }

  /** Lists of its own for each who asks. */
  get renditions(): CatalogueTitle['renditions'] {
    return this.#unpack().renditions;
  }

  get hls(): CatalogueTitle['hls'] {
    return this.#unpack().hls;
  }

  #unpack(): Lists {
    return JSON.parse(this.#lists) as Lists;
  }
}
