import { z } from 'zod';
import { parseContract } from '../contracts/contract.ts';
import { formatBitRate, formatBytes, formatTime } from './quantity.ts';
import { formatTable } from './table.ts';

const bySourceSchema = z.object({ peer: z.number(), tier: z.number(), origin: z.number() });
const reportSchema = z.object({
  month: z.string(),
  isRunning: z.boolean(),
  madeAtMs: z.number(),
  sites: z.array(
    z.object({
      siteId: z.string(),
      isp: z.string().optional(),
      region: z.string(),
      servedBytes: z.number(),
      filledBytes: bySourceSchema,
      missedBytes: bySourceSchema,
      filledInWindowBytes: z.number(),
      filledOutsideBytes: z.number(),
      crossedBytes: z.number(),
      savedBytes: z.number(),
      savedShare: z.number(),
      rates: z.object({ servedBitsPerSec: z.number(), crossedBitsPerSec: z.number() }).optional(),
      savedMoney: z
        .object({ currency: z.string(), byVolume: z.number().optional(), byRate: z.number().optional() })
        .optional(),
      days: z.array(z.object({ day: z.string(), servedBytes: z.number(), crossedBytes: z.number() })),
      appliances: z.array(
        z.object({
          applianceId: z.string(),
          servedBytes: z.number(),
          filledBytes: bySourceSchema,
          missedBytes: bySourceSchema,
          churnPerDay: z.number(),
          writesPerDay: z.number(),
          wornShare: z.number().optional(),
        }),
      ),
    }),
  ),
  isps: z.array(
    z.object({
      isp: z.string(),
      siteCount: z.number(),
      servedBytes: z.number(),
      crossedBytes: z.number(),
      savedBytes: z.number(),
      savedMoney: z.record(z.string(), z.number()),
    }),
  ),
});
export type SavingsReport = z.infer<typeof reportSchema>;
export type SiteReport = SavingsReport['sites'][number];

/** @throws ContractError */
export const parseSavings = (body: unknown): SavingsReport => parseContract('savings report', reportSchema, body);

/** The report for a terminal. */
export function describeSavings({ month, isRunning, madeAtMs, sites, isps }: SavingsReport): string {
  const head = `savings of ${month}${isRunning ? ` until ${formatTime(madeAtMs)}` : ''}\n`;
  if (sites.every(({ servedBytes, crossedBytes }) => servedBytes + crossedBytes === 0))
    return `${head}Nothing was told of this month. Appliances tell it to the planner that they fill from.\n`;
  // Where there is one ISP, its name stands below and a line fits 80 columns.
  const isMixed = new Set(sites.map(({ isp }) => isp)).size > 1;
  const siteRows = sites.map((site) => [
    site.siteId,
    ...(isMixed ? [site.isp ?? '-'] : []),
    formatBytes(site.servedBytes),
    formatBytes(site.crossedBytes),
    formatSaved(site.savedBytes),
    `${Math.round(site.savedShare * 100)} %`,
    site.rates === undefined ? '-' : formatBitRate(site.rates.servedBitsPerSec),
    site.rates === undefined ? '-' : formatBitRate(site.rates.crossedBitsPerSec),
    formatMoney(site.savedMoney),
  ]);
  const columns = [
    'SITE',
    ...(isMixed ? ['ISP'] : []),
    'SERVED',
    'CROSSED',
    'SAVED',
    'SHARE',
    'P95 WITHOUT',
    'P95 WITH',
    'MONEY',
  ];
  const fillRows = sites.map((site) => [
    site.siteId,
    ...[site.filledBytes, site.missedBytes].flatMap(({ peer, tier, origin }) => [peer, tier, origin].map(formatBytes)),
    formatBytes(site.filledInWindowBytes),
    formatBytes(site.filledOutsideBytes),
  ]);
  const fillColumns = ['SITE', 'FILL PEER', 'TIER', 'ORIGIN', 'MISS PEER', 'TIER', 'ORIGIN', 'IN WINDOW', 'OUTSIDE'];
  const diskRows = sites.flatMap(({ siteId, appliances }) =>
    appliances.map(({ applianceId, servedBytes, churnPerDay, writesPerDay, wornShare }) => [
      applianceId,
      siteId,
      formatBytes(servedBytes),
      `${(churnPerDay * 100).toFixed(2)} %`,
      `${(writesPerDay * 100).toFixed(2)} %`,
      wornShare === undefined ? '-' : `${Math.round(wornShare * 100)} %`,
    ]),
  );
  const sums = isps.map(
    ({ isp, siteCount, savedBytes, savedMoney }) =>
      `${isp}: ${formatSaved(savedBytes)} saved at ${siteCount} ${siteCount === 1 ? 'site' : 'sites'}` +
      Object.entries(savedMoney)
        .map(([currency, amount]) => `, ${formatAmount(amount, currency)}`)
        .join(''),
  );
  const diskColumns = ['APPLIANCE', 'SITE', 'SERVED', 'CHURN/DAY', 'WRITTEN/DAY', 'OF ENDURANCE'];
  return (
    `${head}${formatTable(columns, siteRows)}\n\nwhat was taken in, for the plan and for viewers who waited:\n` +
    `${formatTable(fillColumns, fillRows)}\n\nper byte of capacity:\n${formatTable(diskColumns, diskRows)}\n\n` +
    `${sums.join('\n')}\n`
  );
}

/** `-1.20 TB` where more was taken in than served. */
export const formatSaved = (bytes: number): string => (bytes < 0 ? `-${formatBytes(-bytes)}` : formatBytes(bytes));

/** What is billed by volume, by rate, or both. */
export function formatMoney(money: SiteReport['savedMoney']): string {
  if (money === undefined) return '-';
  const { currency, byVolume, byRate } = money;
  const amounts = [byVolume, byRate].flatMap((amount) => (amount === undefined ? [] : [amount]));
  if (amounts.length === 0) return '-';
  const sum = amounts.reduce((total, amount) => total + amount, 0);
  return formatAmount(sum, currency);
}

/** Never `-0.00`. */
export const formatAmount = (amount: number, currency: string): string =>
  `${(Math.abs(amount) < 0.005 ? 0 : amount).toFixed(2)} ${currency}`.trimEnd();
