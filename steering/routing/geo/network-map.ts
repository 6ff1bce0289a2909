import { createHash } from 'node:crypto';
import { z } from 'zod';
import { siteIdSchema } from '../../../src/contracts/ids.ts';
import { messageOf } from '../../../src/errors/operational-error.ts';

/**
 * The operator's word on networks and countries, for clients whom no route places:
 *
 *     { "asn": { "64500": { "network": "isp-a", "site": "north" }, "64501": { "network": "isp-a" } },
 *       "country": { "de": "north", "fr": "south" } }
 *
 * `network` is the ISP's name as in the table of sites; `site` is where its viewers go. Countries are ISO 3166-1 codes
 * in lower case.
 */
export interface NetworkMap {
  readonly version: string;
  readonly byAsn: ReadonlyMap<number, { readonly network: string | undefined; readonly site: string | undefined }>;
  readonly byCountry: ReadonlyMap<string, string>;
}

export const NO_NETWORKS: NetworkMap = { version: 'none', byAsn: new Map(), byCountry: new Map() };

export type ParsedNetworkMap =
  | { readonly kind: 'map'; readonly map: NetworkMap }
  | { readonly kind: 'broken'; readonly problems: readonly string[] };

const networkMapSchema = z.strictObject({
  asn: z
    .record(
      z.string().regex(/^\d{1,10}$/, "must be an AS number, like '64500'"),
      z.strictObject({ network: z.string().min(1).max(64).optional(), site: siteIdSchema.optional() }),
    )
    .optional(),
  country: z
    .record(z.string().regex(/^[a-z]{2}$/, "must be two lower-case letters, like 'de'"), siteIdSchema)
    .optional(),
});

const MAX_PROBLEMS = 20;

export function parseNetworkMap(bytes: Buffer): ParsedNetworkMap {
  let document: unknown;
  try {
    document = JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    return { kind: 'broken', problems: [`is not JSON: ${messageOf(error)}`] };
  }
  const checked = networkMapSchema.safeParse(document);
  if (!checked.success) {
    const problems = checked.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
    return { kind: 'broken', problems: problems.slice(0, MAX_PROBLEMS) };
  }
  const { asn = {}, country = {} } = checked.data;
  return {
    kind: 'map',
    map: {
      version: createHash('sha256').update(bytes).digest('hex').slice(0, 12),
      byAsn: new Map(Object.entries(asn).map(([key, { network, site }]) => [Number(key), { network, site }])),
      byCountry: new Map(Object.entries(country)),
    },
  };
}
