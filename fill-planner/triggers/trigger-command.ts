import { z } from 'zod';
import { ContractError, parseContract } from '../../src/contracts/contract.ts';
import { type TriggerType, triggerTypeSchema, type UrlPattern } from '../../src/contracts/trigger-list.ts';
import { parseTarget } from '../../src/http/target-path.ts';
import type { TriggerError } from './trigger-status.ts';

/**
 * A CI/T command (RFC 8007 section 5.1.1) as received, read into what is to be done.
 *
 * A body that is no command is a ContractError: 400. A command that is one, and that asks for what cannot be done here,
 * becomes a trigger that has failed, with its errors enumerated (sections 4.7 and 5.2.6), so that its sender finds the
 * same answer however late he looks. What is done with the rest of its members: they are kept and shown again.
 *
 * What of a URL counts: its path and query. Appliances keep content by these, whatever the scheme (section 4.8) and
 * host. `content.ccid` names titles of the catalogue; of anything else it is taken for a tag of the origin's answers.
 * Metadata of CDN interconnection (RFC 8006) is not kept here, so there is never anything to invalidate or purge of it.
 */
export interface TriggerCommand {
  readonly type: TriggerType;
  /** Normalised paths, and with the address as it was given. */
  readonly urls: readonly { readonly given: string; readonly path: string }[];
  readonly patterns: readonly UrlPattern[];
  readonly ccids: readonly string[];
  readonly hasContent: boolean;
  readonly fillNowMinutes: number | undefined;
}

export type ParsedCommand =
  | {
      readonly kind: 'trigger';
      readonly specification: object;
      readonly type: string;
      readonly command: TriggerCommand;
    }
  | {
      readonly kind: 'failed';
      readonly specification: object;
      readonly type: string;
      readonly errors: readonly TriggerError[];
    }
  | { readonly kind: 'cancel'; readonly triggerIds: readonly string[] };

const MAX_URLS = 10_000;
const MAX_PATTERNS = 100;
const MAX_URL_CHARS = 2048;
const MAX_TARGET_CHARS = 2000;

const urlSchema = z.string().min(1).max(MAX_URL_CHARS);
const patternSchema = z.looseObject({
  pattern: z.string().min(1).max(512),
  'case-sensitive': z.boolean().default(false),
  'match-query-string': z.boolean().default(false),
});
const specificationSchema = z
  .looseObject({
    type: z.string().min(1).max(64),
    'content.urls': z.array(urlSchema).max(MAX_URLS).default([]),
    'content.patterns': z.array(patternSchema).max(MAX_PATTERNS).default([]),
    'content.ccid': z.array(z.string().min(1).max(128)).max(MAX_PATTERNS).default([]),
    'metadata.urls': z.array(urlSchema).max(MAX_URLS).default([]),
    'metadata.patterns': z.array(patternSchema).max(MAX_PATTERNS).default([]),
    /** Ours, and the operator's alone: do not wait for the fill window. */
    'oca.fill-now-minutes': z.number().positive().max(1440).optional(),
  })
  .refine(
    (spec) => subjectsOf(spec) > 0,
    'must name something in content.urls, content.patterns, content.ccid, metadata.urls or metadata.patterns',
  );
type Specification = z.infer<typeof specificationSchema>;

const commandSchema = z
  .looseObject({
    trigger: specificationSchema.optional(),
    cancel: z.array(urlSchema).min(1).max(1000).optional(),
    /** CDN provider ids that the command has passed through, for loops. */
    'cdn-path': z
      .array(z.string().regex(/^AS\d{1,10}:[\w.-]{1,64}$/, 'must be AS<number>:<qualifier>'))
      .min(1)
      .max(64),
  })
  .refine(({ trigger, cancel }) => (trigger === undefined) !== (cancel === undefined), 'must have trigger or cancel');

/** @param cdnId our own provider id: a command that has passed here already goes round (section 4.6) @throws ContractError */
export function parseTriggerCommand(body: unknown, cdnId: string): ParsedCommand {
  const { trigger, cancel, 'cdn-path': cdnPath } = parseContract('CI/T command', commandSchema, body);
  if (cdnPath.includes(cdnId)) throw new ContractError('CI/T command', [`cdn-path: has passed ${cdnId} already`]);
  if (trigger === undefined) {
    return { kind: 'cancel', triggerIds: (cancel ?? []).map((url) => url.split('/').at(-1) ?? '') };
  }
  return readSpecification(trigger, specificationIn(body));
}

function readSpecification(spec: Specification, specification: object): ParsedCommand {
  const type = triggerTypeSchema.safeParse(spec.type);
  const failed = (errors: readonly TriggerError[]): ParsedCommand => ({
    kind: 'failed',
    specification,
    type: spec.type,
    errors,
  });
  if (!type.success) {
    const description = `there is preposition, invalidate and purge, and no '${spec.type}'`;
    return failed([{ error: 'eunsupported', ...subjects(spec), description }]);
  }
  const isPreposition = type.data === 'preposition';
  const problems: string[] = [];
  if (isPreposition && spec['content.patterns'].length + spec['metadata.patterns'].length > 0)
    problems.push('trigger: patterns are for invalidate and purge, a preposition names its URLs');
  const urls = spec['content.urls'].flatMap((given, index) => {
    const path = pathOf(given);
    if (path === undefined) problems.push(`trigger.content.urls.${index}: must be an http or https URL, or a path`);
    return path === undefined ? [] : [{ given, path }];
  });
  const patterns = spec['content.patterns'].flatMap((each, index): UrlPattern[] => {
    const pattern = each.pattern.replace(/^[a-z*?]+:\/\/[^/]*/i, '');
    if (/^[/*][\x21-\x7e]*$/.test(pattern)) {
      const rooted = pattern.startsWith('/') ? pattern : `/${pattern}`;
      return [{ pattern: rooted, caseSensitive: each['case-sensitive'], matchQueryString: each['match-query-string'] }];
    }
    problems.push(`trigger.content.patterns.${index}.pattern: must begin with http://HOST/, https://HOST/ or /`);
    return [];
  });
  if (problems.length > 0) throw new ContractError('CI/T command', problems.slice(0, 8));
  if (isPreposition && spec['metadata.urls'].length > 0) {
    return failed([{ error: 'emeta', description: 'no metadata of RFC 8006 is kept here' }]);
  }
  const ccids = spec['content.ccid'];
  const hasContent = urls.length + patterns.length + ccids.length > 0;
  return {
    kind: 'trigger',
    specification,
    type: spec.type,
    command: { type: type.data, urls, patterns, ccids, hasContent, fillNowMinutes: spec['oca.fill-now-minutes'] },
  };
}

/** Path and query of a URL, in the form in which appliances keep them; undefined when it is none. */
function pathOf(given: string): string | undefined {
  const target = given.replace(/^https?:\/\/[^/?#]+/i, '');
  if (!target.startsWith('/')) return undefined;
  const parsed = parseTarget(target, { maxTargetChars: MAX_TARGET_CHARS });
  return parsed.kind === 'ok' ? parsed.cacheKey : undefined;
}

/** What an error is about, as section 5.2.6 wants it. */
function subjects(spec: Specification): Pick<TriggerError, 'content.urls' | 'content.patterns'> {
  return {
    ...(spec['content.urls'].length === 0 ? {} : { 'content.urls': spec['content.urls'] }),
    ...(spec['content.patterns'].length === 0 ? {} : { 'content.patterns': spec['content.patterns'] }),
  };
}

const SUBJECTS = ['content.urls', 'content.patterns', 'content.ccid', 'metadata.urls', 'metadata.patterns'];
const subjectsOf = (spec: Readonly<Record<string, unknown>>): number =>
  SUBJECTS.reduce((sum, name) => sum + (Array.isArray(spec[name]) ? spec[name].length : 0), 0);

/** The specification as it was sent, without the members that the schema fills in. */
function specificationIn(body: unknown): object {
  return (body as { readonly trigger: object }).trigger;
}
