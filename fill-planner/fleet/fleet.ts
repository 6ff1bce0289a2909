import { z } from 'zod';
import { ContractError, parseContract } from '../../src/contracts/contract.ts';
import {
  applianceIdSchema,
  baseUrlSchema,
  byteCountSchema,
  clusterIdSchema,
  siteIdSchema,
} from '../../src/contracts/ids.ts';
import { isTimeZone } from '../../src/world/local-times.ts';

/**
 * The fleet as the operator states it: sites with their link and window, clusters of appliances that fill from each
 * other, appliances with their disks. The whole document is replaced at once, so there is no half-changed fleet.
 */
const siteSchema = z.object({
  id: siteIdSchema,
  /** IANA name: the window is on this site's clocks. */
  timeZone: z.string().max(64).refine(isTimeZone, 'is not a time zone of the IANA database, such as Europe/Berlin'),
  /** Whose site it is, for reports. */
  isp: z.string().min(1).max(64).optional(),
  /** Demand is counted and predicted per region. */
  region: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/, 'must be 1 to 32 letters, digits, _ and -'),
  fillWindow: z.object({
    start: z.string().regex(/^(?:[01]\d|2[0-3]):[0-5]\d$/, 'must be HH:MM'),
    hours: z.number().min(0.25).max(24),
  }),
  /** What all appliances of the site together may take from the link while they fill. */
  fillBitsPerSec: z.number().positive().max(1e13),
  /** What the site pays for its transit: a fill has to save more than it costs. Without prices bytes are compared. */
  transit: z
    .object({
      /** Money for 10^12 bytes that come in. */
      perTerabyte: z.number().nonnegative().max(1e6).optional(),
      /** Money for one Mbit/s of the billed 95th percentile, for a month. */
      perMbpsMonth: z.number().nonnegative().max(1e6).optional(),
      /** For reports: ISO 4217, such as EUR. */
      currency: z
        .string()
        .regex(/^[A-Z]{3}$/, 'must be three capital letters, such as EUR')
        .optional(),
    })
    .optional(),
  /** Where it is: from near sites rather than from far ones. */
  location: z.object({ latitude: z.number().min(-90).max(90), longitude: z.number().min(-180).max(180) }).optional(),
  /** What other sites may take from it while they fill. Absent: four times what it takes itself. */
  serveFillBitsPerSec: z.number().positive().max(1e13).optional(),
  /** The sites that it may take from, the preferred ones first: those whose routes it hears. Absent: all. */
  fillFrom: z.array(siteIdSchema).max(64).optional(),
  /** What a gigabyte costs from the origin, and from another site: money, or any proportion. */
  originCostPerGb: z.number().nonnegative().max(1e6).optional(),
  tierCostPerGb: z.number().nonnegative().max(1e6).optional(),
  /** What may be filled at any hour of what cannot wait: launches, and what is watched more than was expected. Absent: nothing. */
  urgentFillBitsPerSec: z.number().positive().max(1e13).optional(),
  /** What spares its link beyond a rate. Appliances count bytes themselves, over restarts. */
  link: z
    .object({
      capacityBitsPerSec: z.number().positive().max(1e15).optional(),
      /** Fill only as far as the billed 95th percentile of the month stays where it was. */
      keepsBill: z.boolean().optional(),
      /** What is paid for in any case, and may be used. */
      committedBitsPerSec: z.number().nonnegative().max(1e15).optional(),
      maxBytesPerWindow: byteCountSchema.optional(),
      /** Of a calendar month (UTC), pins included. */
      maxBytesPerMonth: byteCountSchema.optional(),
    })
    .optional(),
  /** Most bytes that plans may have fetched to the site in a calendar month (UTC), pins aside. */
  monthlyFillBytes: byteCountSchema.optional(),
});

const clusterSchema = z.object({ id: clusterIdSchema, siteId: siteIdSchema });

const applianceSchema = z.object({
  id: applianceIdSchema.refine((id) => id !== 'origin', "may not be called 'origin'"),
  clusterId: clusterIdSchema,
  /** What other appliances fetch from. */
  baseUrl: baseUrlSchema,
  capacityBytes: byteCountSchema.min(1),
  /** What it is built for: large disks, a high rate from flash, or a small site of its own. Says what it can send. */
  class: z.enum(['storage', 'flash', 'global']).optional(),
  /** What it sends safely at the peak; absent: as machines of its class do, else in proportion to its disks. */
  servingBitsPerSec: z.number().positive().max(1e13).optional(),
  /** A limit of its own below its share of the site's. */
  fillBitsPerSec: z.number().positive().max(1e13).optional(),
  /** What it may take from others of its site besides. Absent: four times its share, at least 1 Gbit/s. */
  peerFillBitsPerSec: z.number().positive().max(1e13).optional(),
  /** Bytes that its disks stand per day for as long as they shall live, such as flash: size x writes per day. */
  enduranceBytesPerDay: byteCountSchema.min(1).optional(),
});

export const fleetSchema = z.object({
  sites: z.array(siteSchema).max(10_000),
  clusters: z.array(clusterSchema).max(10_000),
  appliances: z.array(applianceSchema).max(10_000),
});
export type Fleet = z.infer<typeof fleetSchema>;

export const EMPTY_FLEET: Fleet = { sites: [], clusters: [], appliances: [] };

/** @throws ContractError that names every duplicate and every reference to what is not there */
export function parseFleet(body: unknown): Fleet {
  const fleet = parseContract('fleet', fleetSchema, body);
  const problems = [
    ...duplicates('sites', fleet.sites),
    ...duplicates('clusters', fleet.clusters),
    ...duplicates('appliances', fleet.appliances),
    ...missing('clusters', fleet.clusters, 'siteId', fleet.sites, ({ siteId }) => siteId),
    ...strangers(fleet),
    ...missing('appliances', fleet.appliances, 'clusterId', fleet.clusters, ({ clusterId }) => clusterId),
  ];
  if (problems.length > 0) throw new ContractError('fleet', problems.slice(0, 16));
  return fleet;
}

function duplicates(list: string, items: readonly { id: string }[]): string[] {
  const seen = new Map<string, number>();
  return items.flatMap(({ id }, index) => {
    const earlier = seen.get(id);
    seen.set(id, earlier ?? index);
    return earlier === undefined ? [] : [`${list}.${index}.id: '${id}' is also ${list}.${earlier}`];
  });
}

/** Sites that another one is to fill from, and that are not there. */
function strangers({ sites }: Fleet): string[] {
  const known = new Set(sites.map(({ id }) => id));
  return sites.flatMap(({ id, fillFrom = [] }, index) =>
    fillFrom
      .filter((other) => !known.has(other))
      .map((other) => `sites.${index}.fillFrom: there is no '${other}' (in '${id}')`),
  );
}

function missing<T extends { id: string }>(
  list: string,
  items: readonly T[],
  member: string,
  targets: readonly { id: string }[],
  reference: (item: T) => string,
): string[] {
  const known = new Set(targets.map(({ id }) => id));
  return items.flatMap((item, index) =>
    known.has(reference(item))
      ? []
      : [`${list}.${index}.${member}: there is no '${reference(item)}' (in '${item.id}')`],
  );
}
