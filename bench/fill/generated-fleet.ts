import { EMPTY_CALENDAR } from '../../fill-planner/calendar/calendar-facts.ts';
import type { RenditionContent } from '../../fill-planner/plan/draft-plan.ts';
import type { FleetInputs } from '../../fill-planner/plan/fleet-inputs.ts';
import type { RenditionFacts } from '../../fill-planner/plan/plan-facts.ts';
import type { Random } from '../../src/world/world.ts';

/**
 * A fleet of unlike appliances and a catalogue for it. Everything is a quarter of what it stands for, sizes and rates
 * alike, so that times are right while a block of 1 MiB stands for 4: a site of 8 Gbit/s has 2.
 */
const SCALE = 4;

export interface FleetSize {
  readonly appliances: number;
  /** Appliances of one site, on the average. */
  readonly perSite: number;
  /** How long a site of the usual rate fills from nothing: its catalogue is made to fit. */
  readonly fillSec: number;
  /** Length of the window, over the time that the slowest site needs at its full rate. */
  readonly windowShare: number;
}

/** An appliance as built: what its own parts allow. */
export interface Machine {
  readonly id: string;
  readonly siteId: string;
  readonly kind: 'storage' | 'flash' | 'global';
  readonly linkBitsPerSec: number;
  readonly peerBitsPerSec: number;
  readonly serveBitsPerSec: number;
}

export interface GeneratedFleet {
  readonly inputs: FleetInputs;
  readonly contents: readonly RenditionContent[];
  readonly machines: readonly Machine[];
  readonly windowMs: number;
}

/** Bits per second of the rungs of one film, and how long films are. */
export interface MediaSizes {
  readonly source: string;
  readonly rungBitsPerSec: readonly number[];
  readonly filmHours: readonly number[];
}

const HOUR_MS = 3_600_000;
const STARTS_AT_MS = Date.UTC(2026, 0, 20, 2);
const SITE_BITS_PER_SEC = 8e9 / SCALE;
const SLOWEST_SITE = 0.7;
const COPIES = 1.7;
const BUILT = {
  storage: { linkBitsPerSec: 4e9, peerBitsPerSec: 10e9, serveBitsPerSec: 20e9, disk: 3 },
  flash: { linkBitsPerSec: 1.6e9, peerBitsPerSec: 4e9, serveBitsPerSec: 40e9, disk: 0.6 },
  global: { linkBitsPerSec: 2e9, peerBitsPerSec: 5e9, serveBitsPerSec: 10e9, disk: 1 },
} as const;
const KINDS = ['storage', 'flash', 'global', 'storage', 'global'] as const;

export function generateFleet(size: FleetSize, media: MediaSizes, random: Random): GeneratedFleet {
  const siteCount = Math.max(1, Math.round(size.appliances / size.perSite));
  const machines = Array.from({ length: size.appliances }, (_, at): Machine => {
    const kind = KINDS[Math.floor(random.next() * KINDS.length)] ?? 'storage';
    const built = BUILT[kind];
    const siteId = `s${String(at % siteCount).padStart(2, '0')}`;
    return {
      id: `${siteId}a${String(Math.floor(at / siteCount)).padStart(2, '0')}`,
      siteId,
      kind,
      linkBitsPerSec: built.linkBitsPerSec / SCALE,
      peerBitsPerSec: built.peerBitsPerSec / SCALE,
      serveBitsPerSec: built.serveBitsPerSec / SCALE,
    };
  });
  const bytes = (SITE_BITS_PER_SEC / 8) * size.fillSec;
  const { facts, contents } = generateCatalogue(media, bytes, random);
  const windowMs = Math.round(((size.fillSec * 1000) / SLOWEST_SITE) * size.windowShare);
  const siteIds = [...new Set(machines.map(({ siteId }) => siteId))];
  return {
    machines,
    contents,
    windowMs,
    inputs: {
      ...fleetOf(machines, siteIds, windowMs, bytes),
      ...demandOf(facts, siteIds, random),
      facts,
      originUrls: facts.map(() => 'http://origin.example'),
      fileCounts: Uint32Array.from(facts, () => 1),
    },
  };
}

function fleetOf(machines: readonly Machine[], siteIds: readonly string[], windowMs: number, bytes: number) {
  return {
    nowMs: STARTS_AT_MS - HOUR_MS,
    settings: { reserveShare: 0.1, originWaitSec: 120 } as FleetInputs['settings'],
    sites: siteIds.map((id, at) => ({
      id,
      region: at % 2 === 0 ? 'north' : 'south',
      // Sites are as unlike as appliances.
      fillBitsPerSec: Math.round(SITE_BITS_PER_SEC * (SLOWEST_SITE + 0.6 * ((at * 0.618) % 1))),
      windowHours: windowMs / HOUR_MS,
      windowStartsAtMs: [STARTS_AT_MS],
    })),
    clusters: siteIds.map((id) => ({ id, siteId: id })),
    appliances: machines.map(({ id, siteId, kind, linkBitsPerSec, peerBitsPerSec }) => {
      const ofSite = machines.filter((other) => other.siteId === siteId);
      const disks = ofSite.reduce((sum, other) => sum + BUILT[other.kind].disk, 0);
      return {
        id,
        clusterId: siteId,
        baseUrl: `http://${id}.example`,
        capacityBytes: Math.round((bytes * COPIES * BUILT[kind].disk) / disks / 0.9),
        fillBitsPerSec: linkBitsPerSec,
        peerFillBitsPerSec: peerBitsPerSec,
      };
    }),
    calendar: EMPTY_CALENDAR,
    heldBefore: new Map(),
  };
}

/** Films, each at every rung, until so many bytes are there. */
function generateCatalogue(media: MediaSizes, bytes: number, random: Random) {
  const facts: RenditionFacts[] = [];
  const contents: RenditionContent[] = [];
  for (let film = 0, sum = 0; sum < bytes; film += 1) {
    const hours = media.filmHours[Math.floor(random.next() * media.filmHours.length)] ?? 1.5;
    const titleId = `t${String(film).padStart(4, '0')}`;
    for (const [rung, bitsPerSec] of media.rungBitsPerSec.entries()) {
      const sizeBytes = Math.max(1, Math.round((bitsPerSec * hours * 3600) / 8 / SCALE));
      sum += sizeBytes;
      const id = `${titleId}/v${rung}`;
      facts.push({
        id,
        titleId,
        isManifest: false,
        sizeBytes,
        bitsPerSec,
        durationSec: hours * 3600,
        headBytes: 0,
        availableAtMs: STARTS_AT_MS - 30 * 24 * HOUR_MS,
      } as RenditionFacts);
      const root = (facts.length.toString(16) + '0'.repeat(64)).slice(0, 64);
      contents.push({ id, files: [{ path: `/${id}.mp4`, sizeBytes, root, headBytes: 0 }] } as RenditionContent);
    }
  }
  return { facts, contents };
}

/** Titles by Zipf's law, in an order of its own in each region; of each the middle rungs most. */
function demandOf(facts: readonly RenditionFacts[], siteIds: readonly string[], random: Random) {
  const titles = [...new Set(facts.map(({ titleId }) => titleId))];
  const rungShare = [0.25, 0.25, 0.2, 0.15, 0.1, 0.05];
  const regions = siteIds.length > 1 ? ['north', 'south'] : ['north'];
  const demand = new Map(
    regions.map((region) => {
      const order = titles.map((id) => ({ id, key: random.next() })).sort((a, b) => a.key - b.key);
      const rank = new Map(order.map(({ id }, at) => [id, at + 1]));
      const expectedBytes = Float64Array.from(facts, ({ id, titleId }) => {
        const share = rungShare[Number(id.at(-1))] ?? 0.05;
        return (2e15 * share) / SCALE / (rank.get(titleId) ?? 1) ** 0.9;
      });
      return [
        region,
        {
          expectedBytes,
          deviationBytes: expectedBytes.map((each) => each / 2),
          peakHourBytes: expectedBytes.map((each) => each / 10),
        },
      ] as const;
    }),
  );
  return { demand };
}
