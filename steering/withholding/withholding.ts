import { z } from 'zod';
import { applianceIdSchema, epochMsSchema } from '../../src/contracts/ids.ts';

/** What is withheld from players: one appliance, all of a cluster, or all of a site. */
export const SCOPES = ['site', 'cluster', 'appliance'] as const;
export type Scope = (typeof SCOPES)[number];

/** An operator's order to send nobody there for a time. It ends by itself. */
export const withholdingSchema = z.object({
  /** The operator's name for it, by which it is changed and taken back. */
  name: z
    .string()
    .regex(/^[a-z0-9](?:[a-z0-9._-]){0,95}$/, 'must be 1 to 96 of a-z 0-9 . _ - and begin with a letter or digit'),
  scope: z.enum(SCOPES),
  target: applianceIdSchema,
  why: z.string().min(1).max(200),
  startMs: epochMsSchema,
  endMs: epochMsSchema,
  madeAtMs: epochMsSchema,
});
export type Withholding = z.infer<typeof withholdingSchema>;

/** Where an appliance stands, as far as orders go. */
export interface Standing {
  readonly id: string;
  readonly clusterId: string;
  readonly siteId: string;
}

/** Whether the order is about this appliance. */
export function concerns({ scope, target }: Pick<Withholding, 'scope' | 'target'>, standing: Standing): boolean {
  return target === { site: standing.siteId, cluster: standing.clusterId, appliance: standing.id }[scope];
}

/** In a decision's words. */
export const wordsOf = ({
  scope,
  target,
  why,
  endMs,
}: Pick<Withholding, 'scope' | 'target' | 'why' | 'endMs'>): string =>
  `${scope} ${target} is withheld until ${new Date(endMs).toISOString().slice(0, 16)}Z: ${why}`;
