import { z } from 'zod';
import { parseContract } from '../../src/contracts/contract.ts';
import { titleIdSchema } from '../../src/contracts/ids.ts';
import { parseEtag } from '../../src/http/etag.ts';
import { parseTarget, type TargetLimits } from '../../src/http/target-path.ts';
import { type JsonServer, sendProblem } from '../../src/server/json-server.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import type { PurgeMode, PurgeReport } from '../purge/purge-content.ts';
import { MAX_TAG_CHARS, type PurgeRule } from '../purge/purge-rule.ts';

const textSchema = z.string().min(1);
const purgeSchema = z
  .strictObject({
    path: textSchema.optional(),
    etag: textSchema.optional(),
    prefix: textSchema.optional(),
    title: titleIdSchema.optional(),
    tag: z
      .string()
      .max(MAX_TAG_CHARS)
      .regex(/^[\x21-\x2b\x2d-\x7e]+$/, 'must be printable ASCII without blanks and commas')
      .optional(),
    mode: z.enum(['finish', 'cut']).default('finish'),
  })
  .refine(
    ({ path, prefix, title, tag }) => [path, prefix, title, tag].filter((value) => value !== undefined).length === 1,
    'must have exactly one of path, prefix, title and tag',
  )
  .refine(({ path, etag }) => etag === undefined || path !== undefined, 'etag names a generation of a path: give both')
  .refine(
    ({ etag }) => etag === undefined || parseEtag(etag) !== undefined,
    'etag must be an entity tag, quotes and all',
  );
type PurgeRequest = z.infer<typeof purgeSchema>;

export interface PurgeActions {
  /** The keys that the plan has for a title; undefined where no plan names it. */
  titleKeys(title: string): ReadonlySet<string> | undefined;
  purge(rule: PurgeRule, mode: PurgeMode): Promise<PurgeReport>;
}

/**
 * `POST /v1/purge`, in the words of the CDN interconnection triggers (RFC 8007 section 5.1): type and subject of the
 * trigger, and `complete` or `failed`. It answers when no restart could bring back what was purged; 503 says that some
 * of it could come back, because a volume did not take the deletion, and why.
 */
export function addPurgeRoute(
  server: JsonServer,
  { actions, limits, logger }: { actions: PurgeActions; limits: TargetLimits; logger: Logger },
): void {
  server.post('/v1/purge', async (request, reply) => {
    const wanted = parseContract('purge request', purgeSchema, request.body);
    const rule = ruleOf(wanted, actions, limits);
    if (rule.kind === 'refused') return sendProblem(reply, rule.status, rule.code, rule.says);
    const report = await actions.purge(rule.rule, wanted.mode);
    const answer = describeReport(wanted, report);
    logger.info({ ...answer.trigger, ...answer.purged, cut: report.cutAnswers }, 'purge');
    return reply.code(report.failure === undefined ? 200 : 503).send(answer);
  });
}

type RuleOrRefusal =
  | { readonly kind: 'rule'; readonly rule: PurgeRule }
  | { readonly kind: 'refused'; readonly status: 400 | 404; readonly code: string; readonly says: string };

function ruleOf(wanted: PurgeRequest, actions: PurgeActions, limits: TargetLimits): RuleOrRefusal {
  const { path, etag, prefix, title, tag } = wanted;
  const address = path ?? prefix;
  if (address !== undefined) {
    const target = parseTarget(address, limits);
    if (target.kind === 'refused') {
      const says = `${path === undefined ? 'prefix' : 'path'}: ${target.reason}`;
      return { kind: 'refused', status: 400, code: 'REQUEST', says };
    }
    const key = target.cacheKey;
    if (prefix !== undefined) return { kind: 'rule', rule: { by: 'prefix', prefix: key } };
    return { kind: 'rule', rule: etag === undefined ? { by: 'key', key } : { by: 'generation', key, etag } };
  }
  if (title !== undefined) {
    const keys = actions.titleKeys(title);
    if (keys !== undefined) return { kind: 'rule', rule: { by: 'title', title, keys } };
    const says = `the plan has no title '${title}': purge what is still held of it by its prefix`;
    return { kind: 'refused', status: 404, code: 'NOT_FOUND', says };
  }
  return { kind: 'rule', rule: { by: 'tag', tag: tag ?? '' } };
}

function describeReport(wanted: PurgeRequest, report: PurgeReport) {
  const { path, etag, prefix, title, tag, mode } = wanted;
  const subject =
    path === undefined
      ? prefix === undefined
        ? { 'content.ccid': [title ?? tag] }
        : { 'content.patterns': [{ pattern: `${prefix}*`, 'case-sensitive': true }] }
      : { 'content.urls': [path], ...(etag === undefined ? {} : { etag }) };
  const { failure, mayComeBack } = report;
  return {
    trigger: { type: 'purge', ...subject, mode },
    status: failure === undefined ? 'complete' : 'failed',
    purged: { objects: report.objects, blocks: report.blocks, bytes: report.bytes },
    onTheirWayIn: { questions: report.questions, blocks: report.blocksOnTheirWay },
    onTheirWayOut: { answers: report.runningAnswers, cut: report.cutAnswers },
    ...(report.plannedObjects === 0 ? {} : { refilledByThePlan: { objects: report.plannedObjects } }),
    ...(failure === undefined ? {} : { mayComeBackWithARestart: { objects: mayComeBack, why: failure.message } }),
  };
}
