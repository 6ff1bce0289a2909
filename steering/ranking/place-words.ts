import type { RuleName } from './rules.ts';
import type { Scored } from './score.ts';
import type { SessionFacts } from './session-facts.ts';

/** What put an appliance behind the place before it: a rule, the spread over failure domains, or nothing but its id. */
export type Decider = RuleName | 'failure-domain' | 'id';

const WORDS: Readonly<Record<Decider, string>> = {
  demoted: 'it fails its viewers',
  'preferred-site': 'the shares of the sites',
  distance: 'its site',
  'site-kind': 'the kind of its site',
  'site-cost': "the ISP's cost of its site",
  doubt: 'doubt',
  software: 'its software',
  quality: 'what viewers report',
  load: 'its load',
  holdings: 'what it holds',
  crowding: 'more load than its equals',
  playing: 'where the session plays',
  rendezvous: 'the hash of session and appliance',
  'failure-domain': 'the spread over failure domains',
  id: 'its id',
};

const MAX_REASON_CHARS = 200;

/** Why an appliance has its place, in sentences for people. */
export function placeWords(scored: Scored, session: SessionFacts, decidedBy: Decider | undefined): string[] {
  const { score, candidate } = scored;
  const { member, site, held, quality } = candidate;
  const reasons = [siteWords(scored, session)];
  if (score.preferred) reasons.push(`the shares of the sites put this session into ${member.siteId}`);
  if (site.kind !== 'embedded') reasons.push(`by ${site.kind}`);
  if (score.siteCost !== undefined) reasons.push(`costs the ISP ${score.siteCost}`);
  const { software, variant } = session.policy;
  if (software !== undefined)
    reasons.push(`software ${member.softwareVersion}: policy ${variant} ${software.rule}s ${software.version}`);
  if (member.lease.kind === 'doubtful') reasons.push(`doubtful: ${member.lease.because}`);
  if (score.demoted) reasons.push('demoted: viewers report that it fails');
  else if (quality.probeShare < 1) reasons.push('demoted, and this session is one of the few that try it');
  if (quality.because !== undefined) reasons.push(quality.because);
  if (member.capacityShare < 1) reasons.push(`warming up: ${Math.round(member.capacityShare * 100)} % of its capacity`);
  reasons.push(
    `load at ${Math.round(score.pressure * 100)} % of the soft limit${score.yields ? ': this session looks elsewhere first' : ''}`,
  );
  if (score.stays) reasons.push('the session plays from it');
  if (score.crowded) reasons.push('more loaded than its equals: this session goes to another');
  reasons.push(
    held.kind === 'known'
      ? `holds ${Math.floor(held.share * 100)} % of the title`
      : `holdings not known: ${held.because}`,
  );
  if (decidedBy !== undefined) reasons.push(`behind the place before by ${WORDS[decidedBy]}`);
  return reasons.map((reason) => reason.slice(0, MAX_REASON_CHARS));
}

function siteWords({ candidate: { member }, score }: Scored, { siteId }: SessionFacts): string {
  if (score.inSite) return `in the client's site ${member.siteId}`;
  if (siteId === undefined) return `site ${member.siteId}; the client's is not known`;
  return `site ${member.siteId}, not the client's ${siteId}`;
}
