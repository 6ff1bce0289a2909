import { createHash } from 'node:crypto';
import { z } from 'zod';
import { ContractError, parseContract } from '../../src/contracts/contract.ts';
import { siteIdSchema } from '../../src/contracts/ids.ts';
import { DEFAULT_POLICY, type PolicyFacts } from '../ranking/policy-facts.ts';
import { parsePrefix } from '../routing/ip-address.ts';
import { DEVICE_CLASSES } from './device-class.ts';
import type { Cohort, DeviceRule, Policy } from './policy.ts';

const MAX_RULES = 64;
const MAX_COHORTS = 16;

const nameSchema = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,31}$/, 'must be 1 to 32 of a-z 0-9 _ -');
const shareSchema = z.number().min(0).max(1);

const prefixSchema = z.string().transform((text, context) => {
  const prefix = parsePrefix(text);
  if (!('problem' in prefix)) return prefix;
  context.addIssue({ code: 'custom', message: `'${text}' ${prefix.problem}` });
  return z.NEVER;
});

const deviceSchema = z.strictObject({
  name: nameSchema,
  match: z.strictObject({
    classes: z.array(z.enum(DEVICE_CLASSES)).default([]),
    userAgent: z.array(z.string().min(2).max(64)).max(16).default([]),
    query: z.record(z.string().min(1).max(32), z.string().max(64)).default({}),
  }),
  answer: z.strictObject({
    maxPathways: z.number().int().min(1).max(7).optional(),
    steering: z.enum(['data', 'url', 'none']).optional(),
    clones: z.boolean().optional(),
    ttlFactor: z.number().min(0.2).max(20).optional(),
  }),
});

const variantSchema = z.strictObject({
  yieldSlope: z.number().min(0).max(10).default(DEFAULT_POLICY.yieldSlope),
  spreadFailureDomains: z.boolean().default(DEFAULT_POLICY.spreadFailureDomains),
  software: z
    .strictObject({ version: z.string().min(1).max(64), rule: z.enum(['prefer', 'require', 'avoid']) })
    .optional(),
});

const cohortSchema = z
  .strictObject({
    name: nameSchema,
    salt: z.string().min(1).max(64),
    share: shareSchema.default(1),
    controlShare: shareSchema.optional(),
    match: z
      .strictObject({
        prefixes: z.array(prefixSchema).max(256).default([]),
        sites: z.array(siteIdSchema).max(256).default([]),
        networks: z.array(z.string().min(1).max(64)).max(256).default([]),
      })
      .prefault({}),
    variant: nameSchema,
    rollBack: z
      .strictObject({
        falseAlarms: z.number().min(1e-6).max(0.2).default(0.01),
        tolerance: z.number().min(0).max(10).default(0.25),
      })
      .or(z.literal('never'))
      .prefault({}),
  })
  .refine(({ share, controlShare = 0 }) => share + controlShare <= 1, {
    message: 'share and controlShare are more than all sessions together',
  });

/** Strict: a misspelt `tolerence` that is silently dropped is a limit that does not hold. */
const fileSchema = z.strictObject({
  version: z.literal(1),
  devices: z.array(deviceSchema).max(MAX_RULES).default([]),
  variants: z.record(nameSchema, variantSchema).default({}),
  everybody: nameSchema.optional(),
  cohorts: z.array(cohortSchema).max(MAX_COHORTS).default([]),
});

type PolicyDocument = z.output<typeof fileSchema>;

/**
 * The policy from the text of its JSON file.
 * @throws ContractError that names what is wrong and where
 */
export function parsePolicy(text: string): Policy {
  const document = parseContract('policy', fileSchema, parseJson(text));
  const problems = crossProblems(document);
  if (problems.length > 0) throw new ContractError('policy', problems);
  const factsOf = (variant: string | undefined): PolicyFacts => {
    const found = variant === undefined ? undefined : document.variants[variant];
    return variant === undefined || found === undefined
      ? DEFAULT_POLICY
      : { variant, ...found, software: found.software };
  };
  return {
    version: createHash('sha256').update(text).digest('hex').slice(0, 12),
    devices: document.devices.map(toRule),
    everybody: factsOf(document.everybody),
    cohorts: document.cohorts.map((cohort) => toCohort(cohort, factsOf(cohort.variant))),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ContractError('policy', [error instanceof Error ? error.message : String(error)]);
  }
}

/** What no field says alone. */
function crossProblems({ devices, variants, everybody, cohorts }: PolicyDocument): string[] {
  const problems = [...twice('devices', devices), ...twice('cohorts', cohorts)];
  const named: Array<readonly [where: string, variant: string]> = cohorts.map(({ name, variant }) => [
    `cohorts.${name}.variant`,
    variant,
  ]);
  if (everybody !== undefined) named.push(['everybody', everybody]);
  for (const [where, variant] of named)
    if (variants[variant] === undefined) problems.push(`${where}: there is no variant '${variant}'`);
  return problems;
}

function twice(where: string, items: ReadonlyArray<{ readonly name: string }>): string[] {
  const names = items.map(({ name }) => name);
  return [...new Set(names.filter((name, at) => names.indexOf(name) !== at))].map(
    (name) => `${where}: '${name}' stands there twice`,
  );
}

function toRule({ name, match, answer }: PolicyDocument['devices'][number]): DeviceRule {
  return {
    name,
    classes: match.classes,
    userAgent: match.userAgent.map((part) => part.toLowerCase()),
    query: new Map(Object.entries(match.query)),
    answer: {
      maxPathways: answer.maxPathways,
      steering: answer.steering,
      clones: answer.clones,
      ttlFactor: answer.ttlFactor,
    },
  };
}

/** As large a control as the cohort itself, as far as there is room: then each bad session tells most. */
function toCohort(cohort: PolicyDocument['cohorts'][number], facts: PolicyFacts): Cohort {
  const { name, salt, share, match, rollBack } = cohort;
  const isCompared = rollBack !== 'never';
  return {
    name,
    salt,
    share,
    controlShare: cohort.controlShare ?? (isCompared ? Math.min(share, 1 - share) : 0),
    ...match,
    facts,
    rollBack: isCompared ? rollBack : undefined,
  };
}
