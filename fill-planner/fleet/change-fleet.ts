import type { Fleet } from './fleet.ts';

/** A question to a simulation: what if the fleet were another one. Several at once are one question. */
export interface FleetChange {
  /** Appliances that are gone. */
  readonly dropAppliances: readonly string[];
  /** Another fill window, on the clocks of each site. */
  readonly fillWindow: { readonly start: string; readonly hours: number } | undefined;
  /** Another budget of every site's link while appliances fill. */
  readonly fillBitsPerSec: number | undefined;
  /** Only this site's window and budget; undefined: those of all sites. */
  readonly siteId: string | undefined;
}

/** The fleet as asked. What the change names must be there: see `missingFrom`. */
export function changeFleet(fleet: Fleet, change: FleetChange): Fleet {
  const { dropAppliances, fillWindow, fillBitsPerSec, siteId } = change;
  return {
    ...fleet,
    sites: fleet.sites.map((site) =>
      siteId === undefined || siteId === site.id
        ? {
            ...site,
            ...(fillWindow === undefined ? {} : { fillWindow }),
            ...(fillBitsPerSec === undefined ? {} : { fillBitsPerSec }),
          }
        : site,
    ),
    appliances: fleet.appliances.filter(({ id }) => !dropAppliances.includes(id)),
  };
}

/** What a change names and the fleet has not, in words; empty when it can be asked. */
export function missingFrom(fleet: Fleet, { dropAppliances, siteId }: FleetChange): string[] {
  return [
    ...dropAppliances
      .filter((id) => !fleet.appliances.some((appliance) => appliance.id === id))
      .map((id) => `there is no appliance '${id}' in the fleet`),
    ...(siteId === undefined || fleet.sites.some(({ id }) => id === siteId)
      ? []
      : [`there is no site '${siteId}' in the fleet`]),
  ];
}
