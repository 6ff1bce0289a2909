import type { Appliance, Candidate, SiteFacts } from './candidate.ts';
import type { SessionFacts } from './session-facts.ts';

/** Why an appliance takes no part in a decision: one closed word for metrics and tests, one sentence for people. */
export type ExclusionCode =
  | 'lease-expired'
  | 'not-serving'
  | 'withheld'
  | 'unhealthy'
  | 'full'
  | 'refused'
  | 'other-network'
  | 'lacks-title'
  | 'other-software';

const MAX_REASON_CHARS = 200;

/**
 * Whether an appliance may be given to a session at all; undefined when it may. The checks stand in the order in which
 * an operator would look: is it there, does it serve, is it kept back, is it well, has it room, may it serve this
 * client, has it the title. The words are made when somebody reads them.
 */
export function exclude(candidate: Candidate, session: SessionFacts): Exclusion | undefined {
  const code = exclusionOf(candidate, session);
  return code === undefined ? undefined : new Exclusion(code, candidate, session);
}

/** One appliance that takes no part, and why. */
export class Exclusion {
  readonly id: string;
  readonly code: ExclusionCode;
  readonly #candidate: Candidate;
  readonly #session: SessionFacts;

  constructor(code: ExclusionCode, candidate: Candidate, session: SessionFacts) {
    this.id = candidate.member.id;
    this.code = code;
    this.#candidate = candidate;
    this.#session = session;
  }

  /** For people. */
  get reason(): string {
    return reasonFor(this.code, this.#candidate, this.#session).slice(0, MAX_REASON_CHARS);
  }

  toJSON(): { readonly id: string; readonly code: ExclusionCode; readonly reason: string } {
    return { id: this.id, code: this.code, reason: this.reason };
  }
}

function exclusionOf(candidate: Candidate, session: SessionFacts): ExclusionCode | undefined {
  const { member } = candidate;
  return (
    absenceOf(member) ??
    (isFull(candidate, session) ? 'full' : undefined) ??
    trespassOf(candidate, session) ??
    (candidate.held.kind === 'nothing' ? 'lacks-title' : undefined)
  );
}

/** Why an appliance takes nobody, whoever asks and for what; having no room is not among it. */
export function absenceOf({ lease, state, withheld, healthy }: Appliance): ExclusionCode | undefined {
  if (lease.kind === 'expired') return 'lease-expired';
  if (state !== 'serving') return 'not-serving';
  if (withheld !== undefined) return 'withheld';
  return healthy ? undefined : 'unhealthy';
}

/**
 * No room for another session by its nominal bitrate, with what was placed and is not measured yet. Who plays from it is
 * no other session: at the limit nobody comes, and they leave by degrees (`load.ts`); sent away all at once they would
 * be back all at once.
 */
function isFull({ member, pendingBitsPerSec }: Candidate, session: SessionFacts): boolean {
  if (session.playing.includes(member.id)) return false;
  return (
    !hasRoom(member, pendingBitsPerSec) ||
    member.egressBitsPerSec + pendingBitsPerSec + session.nominalBitsPerSec > member.hardEgressBitsPerSec
  );
}

/** Whether an appliance is below its hard limits. */
export function hasRoom(member: Appliance, pendingBitsPerSec: number): boolean {
  return (
    member.egressBitsPerSec + pendingBitsPerSec < member.hardEgressBitsPerSec &&
    member.activeRequests < member.maxActiveRequests &&
    !member.atHardLimit
  );
}

/**
 * An embedded site stands in an ISP's rooms and on its lines for the viewers of that ISP. They are those of its network,
 * and those whose prefix it announces there, whatever AS they are of: a customer's, or one that nobody knows.
 */
export function trespassOf(
  { member: { siteId }, site }: { readonly member: Pick<Appliance, 'siteId'>; readonly site: SiteFacts },
  session: Pick<SessionFacts, 'siteId' | 'otherSites' | 'refusingSites' | 'network'>,
): ExclusionCode | undefined {
  if (session.refusingSites.length > 0 && session.refusingSites.includes(siteId)) return 'refused';
  if (site.kind !== 'embedded' || site.network === undefined || site.network === session.network) return undefined;
  return siteId === session.siteId || session.otherSites.includes(siteId) ? undefined : 'other-network';
}

function reasonFor(code: ExclusionCode, candidate: Candidate, session: SessionFacts): string {
  const { member, site, held } = candidate;
  switch (code) {
    case 'lease-expired':
      return `no heartbeat for ${((member.lease.kind === 'expired' ? member.lease.silentMs : 0) / 1000).toFixed(1)} s`;
    case 'not-serving':
      return `is ${member.state}`;
    case 'withheld':
      return member.withheld ?? '';
    case 'unhealthy':
      return `unhealthy: ${member.healthReasons.join('; ') || 'it gives no reason'}`;
    case 'full':
      return fullness(candidate, session);
    case 'refused':
      return `the ISP does not want site ${member.siteId} to serve this client`;
    case 'other-network':
      return `site ${member.siteId} is there for viewers of ${site.network}; the client is of ${session.network ?? 'a network that nobody knows'}`;
    case 'lacks-title':
      return held.kind === 'nothing' ? held.because : '';
    case 'other-software':
      return otherSoftware(candidate, session);
  }
}

function otherSoftware({ member }: Candidate, { policy }: SessionFacts): string {
  return `software ${member.softwareVersion}: policy ${policy.variant} requires ${policy.software?.version ?? 'another'}`;
}

function fullness({ member, pendingBitsPerSec }: Candidate, { nominalBitsPerSec }: SessionFacts): string {
  const { egressBitsPerSec, hardEgressBitsPerSec, activeRequests, maxActiveRequests } = member;
  const limit = `of ${megabits(hardEgressBitsPerSec)} Mbit/s`;
  const carried = megabits(egressBitsPerSec);
  if (egressBitsPerSec >= hardEgressBitsPerSec) return `at its hard limit: ${carried} ${limit}`;
  const placed = pendingBitsPerSec > 0 ? `, and ${megabits(pendingBitsPerSec)} just placed there,` : '';
  if (egressBitsPerSec + pendingBitsPerSec >= hardEgressBitsPerSec)
    return `at its hard limit: ${carried}${placed} ${limit}`;
  if (activeRequests >= maxActiveRequests)
    return `at its hard limit: ${activeRequests} of ${maxActiveRequests} requests in hand`;
  if (member.atHardLimit) return 'was at its hard limit, and is not far enough below it yet';
  return `no room for ${megabits(nominalBitsPerSec)} Mbit/s more: ${carried}${placed} ${limit}`;
}

const megabits = (bitsPerSec: number): string => (bitsPerSec / 1e6).toFixed(1);
