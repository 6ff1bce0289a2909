/**
 * What a byte is worth and what it costs, in one currency per site.
 *
 * An ISP pays for transit by volume, or by the 95th percentile of its rate, or both. By volume every byte counts the
 * same, whenever it comes. By percentile only the busy hours count: a byte of the busiest hour has to be paid, and a
 * fill outside the busy hours costs nothing as long as the schedule keeps the percentile where it was (it does). Where
 * the operator has named no price, bytes are the currency: what is expected within the busiest hour, stretched to a day
 * so that all of a region's demand weighs as much as it is, against every byte of the fill.
 *
 * Flash wears with every byte written. The price of a write rises with what is written already: nothing on an idle
 * disk, and as much again as the fill where writes have reached the endurance.
 *
 * Limits: one price per site, no steps of a tariff; the saved part of the percentile is taken as linear in the saved
 * rate, which holds while the busiest hours are alike.
 */
export interface TransitPrice {
  /** Money for 10^12 bytes. */
  readonly perTerabyte?: number | undefined;
  /** Money for one Mbit/s of the billed 95th percentile, for a month. */
  readonly perMbpsMonth?: number | undefined;
}

export interface FillEconomy {
  /** Of a byte that is served within the day, whenever. */
  readonly worthPerByte: number;
  /** On top, of a byte that is served in the busiest hour. */
  readonly worthPerPeakByte: number;
  /** Of a byte that is brought in. */
  readonly costPerFilledByte: number;
  /** Of a byte that is written, on top. */
  readonly costPerWrittenByte: number;
}

export interface EconomyInput {
  readonly transit: TransitPrice | undefined;
  /** Of the whole region: how much of the day falls into its busiest hour. */
  readonly expectedBytes: number;
  readonly peakHourBytes: number;
  /** Bytes written per day lately, as a share of the disks' endurance; 0 where nothing wears. */
  readonly wornShare: number;
}

const DAYS_PER_MONTH = 30;
const MBPS_OF_A_BYTE_PER_HOUR = 8 / 3600 / 1e6;

export function economyOf({ transit, expectedBytes, peakHourBytes, wornShare }: EconomyInput): FillEconomy {
  const byVolume = (transit?.perTerabyte ?? 0) / 1e12;
  const byPeak = ((transit?.perMbpsMonth ?? 0) * MBPS_OF_A_BYTE_PER_HOUR) / DAYS_PER_MONTH;
  const hasPrice = byVolume > 0 || byPeak > 0;
  const stretched = peakHourBytes > 0 ? expectedBytes / peakHourBytes : 0;
  const worthPerPeakByte = hasPrice ? byPeak : stretched;
  // No peak is known: then the day has to do.
  const worthPerByte = hasPrice ? byVolume : peakHourBytes > 0 ? 0 : 1;
  const costPerFilledByte = hasPrice ? byVolume : 1;
  // What the average byte is worth: the price of wear must not vanish where fills cost nothing.
  const averageWorth = worthPerByte + (expectedBytes > 0 ? (worthPerPeakByte * peakHourBytes) / expectedBytes : 0);
  return {
    worthPerByte,
    worthPerPeakByte,
    costPerFilledByte,
    costPerWrittenByte: averageWorth * Math.min(1, Math.max(0, wornShare)),
  };
}
