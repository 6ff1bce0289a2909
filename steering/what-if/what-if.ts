import type { FleetMember, FleetView } from '../fleet/fleet-registry.ts';
import { makeView } from '../fleet/fleet-registry.ts';

/**
 * What would happen if: an operator wants to know before the spade goes in where the evening's viewers of a site would
 * go, and who would pass which limit.
 *
 * A formula over capacities is quick and wrong: where viewers go depends on what is held where, on routes, on costs, on
 * load that grows while they come. So the viewers of now are sent through the decision itself, one after the other,
 * against a fleet that never was: with appliances withheld, with more load, with less room. What each one takes is
 * the appliance's measured traffic split over the viewers that are there now, so what comes out is in bits per second
 * of today. Load moves along with them, in steps of a hundredth of the viewers; whoever was sent early is asked again
 * until nobody moves any more, or not more than a few.
 *
 * Its limits: viewers that asked within the last minutes stand for all; demand stays what it is; nobody leaves.
 */
export interface Viewer {
  readonly sessionId: string;
  readonly bitsPerSec: number;
}

export interface Scenario {
  /** Why an appliance takes nobody in this scenario; undefined: it goes on. */
  withheld(member: FleetMember): string | undefined;
  /** So many times the present traffic, 1 or more. */
  readonly surge: number;
  /** Share of its limits that an appliance keeps; 1 where nothing changes. */
  capacityOf(member: FleetMember): number;
}

export type Limit = 'none' | 'soft' | 'hard';

export interface ApplianceForecast {
  readonly id: string;
  readonly siteId: string;
  readonly withheld: boolean;
  readonly beforeBitsPerSec: number;
  readonly afterBitsPerSec: number;
  readonly softBitsPerSec: number;
  readonly hardBitsPerSec: number;
  /** The limit that it passes and had not passed before. */
  readonly passes: Limit;
}

export interface WhatIfReport {
  readonly viewers: number;
  readonly moved: number;
  /** Of the moved: from appliances that are not withheld. They make room for others. */
  readonly pushedOn: number;
  readonly rounds: number;
  /** False: viewers still moved to and fro in the last round; the figures lie between. */
  readonly settled: boolean;
  readonly origin: { readonly beforeBitsPerSec: number; readonly afterBitsPerSec: number };
  readonly appliances: readonly ApplianceForecast[];
}

const STEPS = 100;
const MAX_ROUNDS = 4;
/** So few of a hundred that still move are noise. */
const SETTLED_SHARE = 0.005;

/**
 * Works in small steps, a decision each: whoever runs it lets others have their turn between any two.
 * @param first where a viewer would be sent first in a fleet; undefined: to the origin
 */
export function* whatIf<V extends Viewer>(
  viewers: readonly V[],
  fleet: FleetView,
  scenario: Scenario,
  first: (viewer: V, fleet: FleetView) => string | undefined,
): Generator<undefined, WhatIfReport> {
  const before: Array<string | undefined> = [];
  for (const viewer of viewers) {
    before.push(first(viewer, fleet));
    yield undefined;
  }
  const traffic = new Traffic(viewers, before, fleet, scenario.surge);
  const places = [...before];
  const step = Math.max(1, Math.ceil(viewers.length / STEPS));
  let [rounds, movedInRound] = [0, viewers.length];
  while (rounds < MAX_ROUNDS && movedInRound > viewers.length * SETTLED_SHARE) {
    rounds += 1;
    movedInRound = 0;
    let imagined = imagine(fleet, scenario, traffic);
    for (const [index, viewer] of viewers.entries()) {
      yield undefined;
      if (index > 0 && index % step === 0) {
        imagined = imagine(fleet, scenario, traffic);
        yield undefined;
      }
      const place = first(viewer, imagined);
      if (place === places[index]) continue;
      traffic.move(index, places[index], place);
      places[index] = place;
      movedInRound += 1;
    }
  }
  return {
    viewers: viewers.length,
    moved: places.filter((place, index) => place !== before[index]).length,
    pushedOn: places.filter((place, index) => place !== before[index] && isServing(before[index], fleet, scenario))
      .length,
    rounds,
    settled: movedInRound <= viewers.length * SETTLED_SHARE,
    origin: traffic.origin(),
    appliances: fleet.members.map((member) => forecast(member, scenario, traffic)),
  };
}

/** Bits per second per appliance as viewers move about. */
class Traffic {
  readonly #loads = new Map<string, number>();
  readonly #weights: number[];
  readonly #originBefore: number;
  #origin: number;

  constructor(
    viewers: readonly Viewer[],
    places: ReadonlyArray<string | undefined>,
    { members }: FleetView,
    surge: number,
  ) {
    const nominal = new Map<string, number>();
    for (const [index, { bitsPerSec }] of viewers.entries()) {
      const place = places[index];
      if (place !== undefined) nominal.set(place, (nominal.get(place) ?? 0) + bitsPerSec);
    }
    const measured = new Map(members.map(({ id, egressBitsPerSec }) => [id, egressBitsPerSec]));
    for (const [id, egressBitsPerSec] of measured) this.#loads.set(id, egressBitsPerSec * surge);
    this.#weights = viewers.map(({ bitsPerSec }, index) => {
      const place = places[index];
      const share = place === undefined ? 1 : (measured.get(place) ?? 0) / (nominal.get(place) ?? 1);
      return bitsPerSec * share * surge;
    });
    this.#originBefore = this.#weights.reduce(
      (sum, weight, index) => (places[index] === undefined ? sum + weight / surge : sum),
      0,
    );
    this.#origin = this.#originBefore * surge;
  }

  of(id: string): number {
    return this.#loads.get(id) ?? 0;
  }

  origin(): WhatIfReport['origin'] {
    return { beforeBitsPerSec: this.#originBefore, afterBitsPerSec: this.#origin };
  }

  move(index: number, from: string | undefined, to: string | undefined): void {
    const weight = this.#weights[index] ?? 0;
    this.#add(from, -weight);
    this.#add(to, weight);
  }

  #add(id: string | undefined, bitsPerSec: number): void {
    if (id === undefined) this.#origin = Math.max(0, this.#origin + bitsPerSec);
    else this.#loads.set(id, Math.max(0, this.of(id) + bitsPerSec));
  }
}

/** The fleet as it would be. What is placed and not yet measured is in the loads. */
function imagine(fleet: FleetView, scenario: Scenario, traffic: Traffic): FleetView {
  const members = fleet.members.map((member) => ({
    ...member,
    withheld: scenario.withheld(member) ?? member.withheld,
    egressBitsPerSec: traffic.of(member.id),
    softEgressBitsPerSec: member.softEgressBitsPerSec * scenario.capacityOf(member),
    hardEgressBitsPerSec: member.hardEgressBitsPerSec * scenario.capacityOf(member),
  }));
  return makeView(members, fleet.preserving, { orders: fleet.orders });
}

function isServing(id: string | undefined, fleet: FleetView, scenario: Scenario): boolean {
  const member = id === undefined ? undefined : fleet.byId.get(id);
  return member !== undefined && scenario.withheld(member) === undefined;
}

function forecast(member: FleetMember, scenario: Scenario, traffic: Traffic): ApplianceForecast {
  const capacity = scenario.capacityOf(member);
  const softBitsPerSec = member.softEgressBitsPerSec * capacity;
  const hardBitsPerSec = member.hardEgressBitsPerSec * capacity;
  const limitAt = (bitsPerSec: number, soft: number, hard: number): Limit =>
    bitsPerSec > hard ? 'hard' : bitsPerSec > soft ? 'soft' : 'none';
  const after = traffic.of(member.id);
  const was = limitAt(member.egressBitsPerSec, member.softEgressBitsPerSec, member.hardEgressBitsPerSec);
  const is = limitAt(after, softBitsPerSec, hardBitsPerSec);
  return {
    id: member.id,
    siteId: member.siteId,
    withheld: scenario.withheld(member) !== undefined,
    beforeBitsPerSec: member.egressBitsPerSec,
    afterBitsPerSec: after,
    softBitsPerSec,
    hardBitsPerSec,
    passes: is === was ? 'none' : is,
  };
}
