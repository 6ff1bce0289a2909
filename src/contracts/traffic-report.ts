import { z } from 'zod';
import { parseContract } from './contract.ts';
import { applianceIdSchema, byteCountSchema, epochMsSchema } from './ids.ts';

const bySourceSchema = z.object({ peer: byteCountSchema, tier: byteCountSchema, origin: byteCountSchema });

/** What one appliance served and took in within five minutes. */
export const trafficSlotSchema = z.object({
  slotStartMs: epochMsSchema.refine((ms) => ms % 300_000 === 0, 'must be the start of five minutes'),
  /** To viewers; what peers were given is not counted. */
  servedBytes: byteCountSchema,
  /** Taken in for the plan, by kind of source: of these, tier and origin crossed the site's link. */
  fillBytes: bySourceSchema,
  /** Taken in for viewers who waited, or passed through to them. */
  missBytes: bySourceSchema,
});
export type TrafficSlot = z.infer<typeof trafficSlotSchema>;

/**
 * `POST /v1/traffic`: five minutes by five minutes, each sent until it is answered, the running one again and again. The
 * planner keeps the highest figure of each, so a report that comes twice or late changes nothing.
 */
export const trafficReportSchema = z.object({
  version: z.literal(1),
  applianceId: applianceIdSchema,
  slots: z.array(trafficSlotSchema).max(600),
});
export type TrafficReport = z.infer<typeof trafficReportSchema>;

export const parseTrafficReport = (body: unknown): TrafficReport =>
  parseContract('traffic report', trafficReportSchema, body);
