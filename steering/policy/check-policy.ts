import { parsePolicy } from './parse-policy.ts';
import type { Cohort, DeviceRule, Policy } from './policy.ts';

/** Something that a policy may say and that its author hardly means. */
export interface PolicyWarning {
  readonly where: string;
  readonly says: string;
  /** What to write instead. */
  readonly fix: string;
}

/** Beyond it one appliance version is a change for most viewers at once. */
const LARGE_TRIAL = 0.5;

/** What there is in the text of a policy file. @throws ContractError when it cannot be used at all */
export function checkPolicyText(text: string): {
  readonly version: string;
  readonly devices: number;
  readonly cohorts: number;
  readonly warnings: readonly PolicyWarning[];
} {
  const policy = parsePolicy(text);
  const { version, devices, cohorts } = policy;
  return { version, devices: devices.length, cohorts: cohorts.length, warnings: checkPolicy(policy) };
}

/** What stands out in a policy that can be used as it is. */
export function checkPolicy(policy: Policy): PolicyWarning[] {
  return [
    ...policy.devices.flatMap((rule, at) => checkRule(rule, policy.devices.slice(0, at))),
    ...policy.cohorts.flatMap((cohort, at) => checkCohort(cohort, policy, policy.cohorts.slice(0, at))),
  ];
}

function checkRule(rule: DeviceRule, before: readonly DeviceRule[]): PolicyWarning[] {
  const where = `devices.${rule.name}`;
  const warnings: PolicyWarning[] = [];
  if (rule.classes.length === 0 && rule.userAgent.length === 0 && rule.query.size === 0)
    warnings.push({ where, says: 'matches every device', fix: 'name classes, userAgent or query in match' });
  if (Object.values(rule.answer).every((value) => value === undefined))
    warnings.push({
      where,
      says: 'changes nothing',
      fix: 'set maxPathways, steering, clones or ttlFactor, or remove the rule',
    });
  if (rule.answer.maxPathways === 1 && rule.answer.steering !== undefined && rule.answer.steering !== 'none')
    warnings.push({
      where,
      says: 'wants steering where there is one pathway to steer to',
      fix: 'remove steering, or set maxPathways to 2 or more',
    });
  const hidden = before.find(
    ({ classes, userAgent, query }) => classes.length === 0 && userAgent.length === 0 && query.size === 0,
  );
  if (hidden !== undefined)
    warnings.push({
      where,
      says: `is never reached: '${hidden.name}' before it matches every device, and the first match counts`,
      fix: `put it before '${hidden.name}'`,
    });
  return warnings;
}

function checkCohort(cohort: Cohort, policy: Policy, before: readonly Cohort[]): PolicyWarning[] {
  const where = `cohorts.${cohort.name}`;
  const { software } = cohort.facts;
  const warnings: PolicyWarning[] = [];
  if (cohort.share === 0) warnings.push({ where, says: 'takes no session', fix: 'raise share, or remove the cohort' });
  if (cohort.rollBack !== undefined && cohort.share > 0 && cohort.controlShare === 0)
    warnings.push({
      where,
      says: 'takes every session, so there is nothing to compare it with and it is never rolled back by itself',
      fix: 'lower share, or say "rollBack": "never"',
    });
  if (software !== undefined && software.rule !== 'avoid') {
    const others = policy.everybody.software;
    if (others?.rule !== 'avoid' || others.version !== software.version)
      warnings.push({
        where,
        says: `everybody else may be sent to version ${software.version} as well`,
        fix: `name a variant in everybody with "software": {"version": "${software.version}", "rule": "avoid"}`,
      });
    if (cohort.share > LARGE_TRIAL && cohort.rollBack !== undefined)
      warnings.push({
        where,
        says: `more than half of the sessions try version ${software.version}`,
        fix: 'begin with a share of 0.05',
      });
  }
  const all = before.find(
    ({ share, prefixes, sites, networks }) =>
      share === 1 && prefixes.length === 0 && sites.length === 0 && networks.length === 0,
  );
  if (all !== undefined)
    warnings.push({
      where,
      says: `is never reached: '${all.name}' takes every session`,
      fix: `put it before '${all.name}'`,
    });
  const same = before.find(({ salt }) => salt === cohort.salt);
  if (same !== undefined)
    warnings.push({
      where,
      says: `draws by the same salt as '${same.name}', which has taken those sessions already`,
      fix: 'give each cohort a salt of its own',
    });
  return warnings;
}
