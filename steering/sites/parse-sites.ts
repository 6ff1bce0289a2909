import { createHash } from 'node:crypto';
import { z } from 'zod';
import { ContractError, parseContract } from '../../src/contracts/contract.ts';
import { siteIdSchema } from '../../src/contracts/ids.ts';
import { isTimeZone, WEEKDAYS } from '../../src/world/local-times.ts';
import { makeSiteTable, type Site, type SiteTable } from './site-table.ts';

const MAX_SITES = 10_000;
const MAX_DUPLICATES_NAMED = 8;

const NAME = /^[A-Za-z0-9][A-Za-z0-9 ._/-]{0,63}$/;
const nameSchema = z.string().regex(NAME, 'must be 1 to 64 letters, digits, spaces and . _ / -');

const windowSchema = z.strictObject({
  weekday: z.enum(WEEKDAYS).optional(),
  start: z.string().regex(/^(?:[01]\d|2[0-3]):[0-5]\d$/, 'must be HH:MM'),
  hours: z.number().min(0.25).max(23),
  why: z.string().max(200).default('maintenance'),
});

/** Strict: a misspelt `egresCap` that is silently dropped is a cap that does not hold. */
const siteSchema = z
  .strictObject({
    id: siteIdSchema,
    kind: z.enum(['embedded', 'peering', 'transit']).default('embedded'),
    network: nameSchema.optional(),
    failureDomain: nameSchema.optional(),
    latitudeDeg: z.number().min(-90).max(90).optional(),
    longitudeDeg: z.number().min(-180).max(180).optional(),
    egressCapBitsPerSec: z.number().positive().max(1e15).optional(),
    timeZone: z
      .string()
      .max(64)
      .refine(isTimeZone, 'is not a time zone of the IANA database, such as Europe/Berlin')
      .optional(),
    maintenance: z.array(windowSchema).max(21).default([]),
  })
  .refine((site) => (site.latitudeDeg === undefined) === (site.longitudeDeg === undefined), {
    message: 'latitudeDeg and longitudeDeg belong together',
  })
  .refine((site) => site.maintenance.length === 0 || site.timeZone !== undefined, {
    message: 'maintenance needs a timeZone: windows are on the clocks of the site',
  });

const fileSchema = z.strictObject({ version: z.literal(1), sites: z.array(siteSchema).max(MAX_SITES) });

/**
 * The operator's table of sites from the text of its JSON file.
 * @throws ContractError that names what is wrong and where
 */
export function parseSites(text: string): SiteTable {
  const { sites } = parseContract('table of sites', fileSchema, decode(text));
  const seen = new Set<string>();
  const twice = sites.filter(({ id }) => seen.size === seen.add(id).size).map(({ id }) => `site ${id} is there twice`);
  if (twice.length > 0) throw new ContractError('table of sites', twice.slice(0, MAX_DUPLICATES_NAMED));
  return makeSiteTable(createHash('sha256').update(text).digest('hex').slice(0, 12), sites.map(toSite));
}

function decode(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ContractError('table of sites', [String(error)]);
  }
}

function toSite(site: z.infer<typeof siteSchema>): Site {
  const { id, kind, network, latitudeDeg, longitudeDeg, egressCapBitsPerSec, timeZone } = site;
  return {
    id,
    kind,
    network,
    failureDomain: site.failureDomain ?? id,
    location: latitudeDeg === undefined || longitudeDeg === undefined ? undefined : { latitudeDeg, longitudeDeg },
    egressCapBitsPerSec,
    timeZone,
    maintenance: site.maintenance.map(({ weekday, start, hours, why }) => ({ weekday, start, hours, why })),
  };
}
