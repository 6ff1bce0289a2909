import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { unitHash } from '../../src/hashing/weighted-rendezvous.ts';
import type { GroupDemand } from '../../steering/flow/plan/build-flow-problem.ts';
import type { FlowSite } from '../../steering/flow/site-cost.ts';

/** Neighbourhoods with what they take, and the sites that could serve them. */
export interface Landscape {
  readonly groups: readonly GroupDemand[];
  readonly sites: readonly FlowSite[];
  readonly source: string;
}

const BITS_PER_ADDRESS = 2e3;
/** In an evening so much of all capacity is used. */
const USED_SHARE = 0.7;

interface Announced {
  readonly prefix: string;
  readonly network: string;
  readonly addresses: number;
}

/**
 * Real announcements where the sample is there, one in many so that `count` are left, each weighted by its addresses;
 * made up otherwise. Where on earth they are is not in the data: the prefixes of one AS stand around one place that
 * hangs on its number. Sites stand where the demand is, with capacities that do not fit it well: that is the task.
 */
export function drawLandscape(options: {
  readonly sample: string;
  readonly groups: number;
  readonly sites: number;
}): Landscape {
  const isReal = existsSync(options.sample);
  const announced = (isReal ? readAnnounced(options.sample) : madeUp(options.groups * 3)).filter(
    // A /8 would be half of everything.
    ({ addresses }) => addresses <= 2 ** 16,
  );
  const every = announced.length / options.groups;
  const chosen = Array.from({ length: options.groups }, (_, at) => announced[Math.floor(at * every)]).filter(
    (one) => one !== undefined,
  );
  const total = chosen.reduce((sum, { addresses }) => sum + addresses * BITS_PER_ADDRESS, 0);
  const sites = drawSites(options.sites, chosen, total / USED_SHARE);
  const groups = chosen.map(({ prefix, network, addresses }): GroupDemand => {
    const here = placeOf(`${network}`, prefix);
    const home = sites.reduce((best, site) => (squared(site, here) < squared(best, here) ? site : best));
    return {
      place: { group: prefix, siteId: home.id, network, siteCosts: new Map() },
      bitsPerSec: addresses * BITS_PER_ADDRESS,
    };
  });
  return { groups, sites, source: isReal ? (options.sample.split('/').at(-1) ?? '') : 'made up' };
}

function drawSites(count: number, announced: readonly Announced[], totalBitsPerSec: number): FlowSite[] {
  const weights = Array.from({ length: count }, (_, at) => Math.exp(1.5 * unitHash(`capacity ${at}`)));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight, at): FlowSite => {
    const near = announced[Math.floor(unitHash(`site ${at}`) * announced.length)];
    const draw = unitHash(`kind ${at}`);
    return {
      id: `site-${at}`,
      kind: draw < 0.7 ? 'embedded' : draw < 0.9 ? 'peering' : 'transit',
      network: undefined,
      location: placeOf(near?.network ?? '', `site ${at}`),
      capacityBitsPerSec: (weight / sum) * totalBitsPerSec,
    };
  });
}

function placeOf(network: string, what: string): { latitudeDeg: number; longitudeDeg: number } {
  const spread = (text: string): number => (unitHash(text) - 0.5) * 6;
  return {
    latitudeDeg: 35 + 30 * unitHash(`lat ${network}`) + spread(`lat ${what}`),
    longitudeDeg: -10 + 45 * unitHash(`lon ${network}`) + spread(`lon ${what}`),
  };
}

function squared({ location }: FlowSite, here: { latitudeDeg: number; longitudeDeg: number }): number {
  const { latitudeDeg = 0, longitudeDeg = 0 } = location ?? {};
  return (latitudeDeg - here.latitudeDeg) ** 2 + (longitudeDeg - here.longitudeDeg) ** 2;
}

function readAnnounced(file: string): Announced[] {
  return gunzipSync(readFileSync(file))
    .toString('latin1')
    .split('\n')
    .flatMap((line): Announced[] => {
      const match = /^(\d+\.\d+\.\d+\.\d+\/(\d+))\s+(\S+)/.exec(line);
      const length = Number(match?.[2]);
      if (match === null || length < 8 || length > 24) return [];
      return [{ prefix: match[1] ?? '', network: match[3] ?? '', addresses: 2 ** (32 - length) }];
    });
}

const madeUp = (count: number): Announced[] =>
  Array.from({ length: count }, (_, at) => ({
    prefix: `${1 + (at >> 16)}.${(at >> 8) & 255}.${at & 255}.0/24`,
    network: `as-${Math.floor(unitHash(`network ${at}`) * 400)}`,
    addresses: 2 ** (8 + Math.floor(unitHash(`size ${at}`) * 8)),
  }));
