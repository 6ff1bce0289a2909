import type { CatalogueTitle } from '../../src/contracts/catalogue-snapshot.ts';
import type { HoldingLevel } from '../../src/contracts/holdings.ts';
import type { Random } from '../../src/world/world.ts';
import type { SiteKind } from '../../steering/ranking/candidate.ts';
import { renditionIds, title } from '../steering/samples.ts';

/** What there is before the evening begins: sites, appliances with what they hold, titles, neighbourhoods. From a seed. */
export interface Town {
  readonly sites: readonly TownSite[];
  readonly appliances: readonly ApplianceFacts[];
  readonly titles: readonly TownTitle[];
  readonly neighbourhoods: readonly Neighbourhood[];
}

export interface TownSite {
  readonly id: string;
  readonly kind: SiteKind;
  readonly network: string | undefined;
}

export interface ApplianceFacts {
  readonly id: string;
  readonly site: TownSite;
  readonly softBitsPerSec: number;
  readonly hardBitsPerSec: number;
  readonly maxRequests: number;
  /** The titles that its plan lists. */
  readonly planned: readonly CatalogueTitle[];
  /** Of each rendition of the plan. */
  readonly levels: readonly HoldingLevel[];
}

export interface TownTitle {
  readonly title: CatalogueTitle;
  readonly bitsPerSec: number;
  /** How many of all viewers watch it. */
  readonly share: number;
}

export interface Neighbourhood {
  /** A /24; its viewers differ in the last byte. */
  readonly network24: string;
  readonly isp: string;
  /** Where the ISP announces it, the nearest first; none for those of whom nobody knows anything. */
  readonly sites: readonly string[];
  readonly lineBitsPerSec: number;
  /** A second /24 of the same viewers for IPv6 is left out: it is located alike. */
  readonly weight: number;
}

const SITES: readonly TownSite[] = [
  { id: 'alpha-1', kind: 'embedded', network: 'alpha' },
  { id: 'alpha-2', kind: 'embedded', network: 'alpha' },
  { id: 'alpha-3', kind: 'embedded', network: 'alpha' },
  { id: 'beta-1', kind: 'embedded', network: 'beta' },
  { id: 'beta-2', kind: 'embedded', network: 'beta' },
  { id: 'exchange-1', kind: 'peering', network: undefined },
  { id: 'exchange-2', kind: 'peering', network: undefined },
  { id: 'transit-1', kind: 'transit', network: undefined },
];

const TITLES = 30;
const MEGABIT = 1e6;

export function drawTown(random: Random): Town {
  const titles = drawTitles(random);
  return {
    sites: SITES,
    titles,
    appliances: SITES.flatMap((site) => drawAppliances(site, titles, random)),
    neighbourhoods: drawNeighbourhoods(random),
  };
}

/** The table of sites that operators write. */
export const sitesFile = ({ sites }: Town): object => ({
  version: 1,
  sites: sites.map(({ id, kind, network }) => ({ id, kind, ...(network === undefined ? {} : { network }) })),
});

/** What an appliance of a site is announced by the ISP. */
export const routesOf = ({ neighbourhoods }: Town, siteId: string): Array<{ prefix: string; asPathLength: number }> =>
  neighbourhoods.flatMap(({ network24, sites }) => {
    const at = sites.indexOf(siteId);
    return at === -1 ? [] : [{ prefix: `${network24}.0/24`, asPathLength: 1 + at }];
  });

function drawTitles(random: Random): TownTitle[] {
  const rows = Array.from({ length: TITLES }, (_, at) => {
    const plain = title(`title-${at}`);
    const bitsPerSec = Math.round((3 + 5 * random.next()) * MEGABIT);
    const hls = plain.hls && {
      ...plain.hls,
      variants: plain.hls.variants.map((variant, row) => ({
        ...variant,
        bandwidthBitsPerSec: Math.round(bitsPerSec / (row === 0 ? 4 : 1)),
        averageBandwidthBitsPerSec: Math.round(bitsPerSec / (row === 0 ? 5 : 1.3)),
      })),
    };
    return { title: { ...plain, hls }, bitsPerSec, weight: 1 / (at + 2) };
  });
  const all = rows.reduce((sum, { weight }) => sum + weight, 0);
  return rows.map(({ title: made, bitsPerSec, weight }) => ({
    title: made as CatalogueTitle,
    bitsPerSec,
    share: weight / all,
  }));
}

function drawAppliances(site: TownSite, titles: readonly TownTitle[], random: Random): ApplianceFacts[] {
  const count = site.kind === 'embedded' ? 4 + Math.floor(3 * random.next()) : 6 + Math.floor(3 * random.next());
  const scale = site.kind === 'embedded' ? 1 : 1.6;
  return Array.from({ length: count }, (_, at) => {
    const softBitsPerSec = scale * (60 + 180 * random.next()) * MEGABIT;
    const hardBitsPerSec = softBitsPerSec * (1.2 + 0.4 * random.next());
    // The long tail is planned for the exchanges only, and part of what is planned has not arrived.
    const reach = site.kind === 'embedded' ? Math.round(TITLES * 0.7) : TITLES;
    const planned = titles.slice(0, reach).filter((_title, rank) => rank < 6 || random.next() < 0.7);
    return {
      id: `${site.id}-${at}`,
      site,
      softBitsPerSec,
      hardBitsPerSec,
      // Of a few it is the requests that end first.
      maxRequests: Math.ceil((hardBitsPerSec / MEGABIT) * (random.next() < 0.15 ? 0.3 : 2)),
      planned: planned.map((row) => row.title),
      levels: planned.flatMap((row, rank) => {
        const draw = random.next();
        const level: HoldingLevel = rank < 6 || draw < 0.7 ? 'whole' : draw < 0.85 ? 'part' : 'none';
        return renditionIds(row.title).map(() => level);
      }),
    };
  });
}

function drawNeighbourhoods(random: Random): Neighbourhood[] {
  const rows: Neighbourhood[] = [];
  const add = (isp: string, sites: readonly string[], weight: number): void => {
    const network24 = `11.${rows.length >>> 4}.${rows.length & 15}`;
    rows.push({ network24, isp, sites, weight, lineBitsPerSec: (12 + 60 * random.next()) * MEGABIT });
  };
  for (const site of ['alpha-1', 'alpha-2', 'alpha-3']) {
    for (let at = 0; at < 4; at += 1) {
      const other = ['alpha-1', 'alpha-2', 'alpha-3'].filter((id) => id !== site)[Math.floor(2 * random.next())] ?? '';
      // Half of them are announced to a second site, too.
      add('alpha', at % 2 === 0 ? [site] : [site, other], 1);
    }
  }
  for (const site of ['beta-1', 'beta-2']) for (let at = 0; at < 3; at += 1) add('beta', [site], 1);
  for (const site of ['exchange-1', 'exchange-2']) add('gamma', [site], 1);
  // Nobody announces them.
  add('gamma', [], 1);
  return rows;
}
