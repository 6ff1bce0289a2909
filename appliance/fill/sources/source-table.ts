import type { FillPlanSource } from '../../../src/contracts/fill-plan.ts';
import { BoundedMap } from '../../../src/memory/bounded-map.ts';
import type { ApplianceConfig } from '../../config.ts';
import type { PlannedFile } from '../block-filler.ts';
import { orderForViewer } from '../choose-source.ts';
import type { FillSource } from '../fill-source.ts';
import { HttpSource, type SourceContext, type SourcePlace } from './http-source.ts';
import { LackMemory } from './lack-memory.ts';
import { asViewerSource, Upstream } from './upstream.ts';

/** More are forgotten, the oldest first: plans may name new sources for years. */
const MAX_SOURCES = 1000;

/** Every source that was asked, each once, so that what is learned of it is known to all who ask. */
export class SourceTable {
  readonly origin: FillSource;
  /** For misses on demand. */
  readonly upstream: Upstream;
  readonly lacks: LackMemory;
  readonly #originUrl: string;
  readonly #context: SourceContext;
  readonly #sources = new BoundedMap<string, FillSource>(MAX_SOURCES);

  constructor(config: Pick<ApplianceConfig, 'origin' | 'tier' | 'peers'>, context: SourceContext) {
    this.#context = context;
    this.#originUrl = config.origin;
    this.lacks = new LackMemory(context.world.clock);
    this.origin = this.#at({ kind: 'origin', id: 'origin', baseUrl: config.origin, fetches: true });
    const near = (kind: 'peer' | 'tier', baseUrl: string): FillSource =>
      this.#at({ kind, id: hostOf(baseUrl), baseUrl, fetches: kind === 'tier' });
    const peers = config.peers.map((url) => near('peer', url));
    const tier = config.tier === '' ? undefined : near('tier', config.tier);
    this.upstream = new Upstream({ peers, tier, origin: this.origin }, this.lacks);
  }

  /** A source that the plan names. Other clusters' appliances are asked for what they hold, as peers are. */
  ofPlan({ kind, id, baseUrl }: FillPlanSource): FillSource {
    return this.#at({ kind, id, baseUrl, fetches: kind === 'origin' });
  }

  /** Whom a viewer may have a block of a planned file from, in the order to ask. */
  forViewer(file: PlannedFile): FillSource[] {
    const named = file.sources.map((source) => this.ofPlan(source));
    const hasOrigin = file.sources.some(({ kind, baseUrl }) => kind === 'origin' && baseUrl === this.#originUrl);
    const all = hasOrigin || this.#originUrl === '' ? named : [...named, this.origin];
    return orderForViewer(all.map(asViewerSource)).map(({ source }) => source);
  }

  #at(place: SourcePlace): FillSource {
    const name = `${place.kind} ${place.id} ${place.baseUrl} ${place.fetches}`;
    const known = this.#sources.get(name);
    if (known !== undefined) return known;
    const source = new HttpSource(place, this.#context);
    this.#sources.set(name, source);
    return source;
  }
}

const hostOf = (url: string): string => new URL(url).host;
