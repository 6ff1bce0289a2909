import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseCatalogueSnapshot } from '../../src/contracts/catalogue-snapshot.ts';
import { ContractError, parseContract } from '../../src/contracts/contract.ts';
import { parseDemandSample } from '../../src/contracts/demand-sample.ts';
import { parseEnrolment, parseEnrolmentAnswer } from '../../src/contracts/enrolment.ts';
import { manifestBlockHash, parseFileManifest } from '../../src/contracts/file-manifest.ts';
import { parseFillPlan, parsePlanRenditions, plannedBlocks, plannedBytes } from '../../src/contracts/fill-plan.ts';
import { parseFillReport } from '../../src/contracts/fill-report.ts';
import { parseHeartbeat, parseHeartbeatAnswer } from '../../src/contracts/heartbeat.ts';
import { decodeHoldings } from '../../src/contracts/holdings.ts';
import { decodeRoots, encodeRoots, parseInventory } from '../../src/contracts/inventory.ts';
import { problemSchema } from '../../src/contracts/problem.ts';
import { parseQualitySketch } from '../../src/contracts/quality-sketch.ts';
import { parseRouteReport } from '../../src/contracts/route-report.ts';
import { parseSiteSnapshot } from '../../src/contracts/site-snapshot.ts';
import { parseContentSteering, parseSteeringAnswer } from '../../src/contracts/steering-answer.ts';
import { tokenKeySchema } from '../../src/contracts/token-keys.ts';
import { parseTrafficReport } from '../../src/contracts/traffic-report.ts';
import { parseTriggerList, parseTriggerReport } from '../../src/contracts/trigger-list.ts';
import { checkSignedBody, checkSignedHead } from '../../src/signing/request-signature.ts';
import { documentVerifies } from '../../src/signing/signed-document.ts';

/**
 * What processes said to each other in version 1, as files that stay. A change that makes one of them unreadable, or
 * reads something else out of it, breaks services that were not updated yet: it needs a new version beside the old.
 */
const PARSERS: Readonly<Record<string, (body: unknown) => unknown>> = {
  'catalogue-snapshot': parseCatalogueSnapshot,
  'content-steering': parseContentSteering,
  'demand-sample': parseDemandSample,
  enrolment: parseEnrolment,
  'enrolment-answer': parseEnrolmentAnswer,
  'file-manifest': parseFileManifest,
  'fill-plan': parseFillPlan,
  'fill-report': parseFillReport,
  heartbeat: parseHeartbeat,
  inventory: parseInventory,
  'heartbeat-answer': parseHeartbeatAnswer,
  'plan-renditions': parsePlanRenditions,
  problem: (body) => parseContract('problem', problemSchema, body),
  'quality-sketch': parseQualitySketch,
  'route-report': parseRouteReport,
  'site-snapshot': parseSiteSnapshot,
  'steering-answer': parseSteeringAnswer,
  'token-key': (body) => parseContract('token key', tokenKeySchema, body),
  'traffic-report': parseTrafficReport,
  'trigger-list': parseTriggerList,
  'trigger-report': parseTriggerReport,
};

/** What a sender may leave out. Every golden sample has it, so that its form is pinned too. */
const OPTIONAL = new Set([
  'catalogue-snapshot titles.0.hls',
  'catalogue-snapshot titles.0.hls.variants.0.averageBandwidthBitsPerSec',
  'catalogue-snapshot titles.0.hls.variants.0.codecs',
  'catalogue-snapshot titles.0.hls.variants.0.width',
  'catalogue-snapshot titles.0.hls.variants.0.height',
  'catalogue-snapshot titles.0.hls.variants.0.frameRate',
  'catalogue-snapshot titles.0.hls.variants.0.audioGroup',
  'catalogue-snapshot titles.0.hls.media.0.language',
  'catalogue-snapshot titles.0.hls.media.0.channels',
  'catalogue-snapshot titles.0.dash',
  'fill-report bannedSources',
  'fill-report linkUse',
  'heartbeat holdings',
  'heartbeat-answer tokenKeys.0.issuer',
  'heartbeat-answer grant',
  'heartbeat-answer answeredAtMs',
  'problem detail',
  'route-report routes.0.asPathLength',
  'route-report routes.0.med',
  'route-report routes.0.localPref',
  'route-report routes.0.communities',
  'content-steering PATHWAY-CLONES',
  'steering-answer decisionId',
  'steering-answer versions',
  'steering-answer versions.catalogue',
  'steering-answer versions.routes',
  'steering-answer versions.sites',
  'steering-answer versions.shares',
  'steering-answer versions.quality',
  'steering-answer client.prefix',
  'steering-answer client.siteId',
  'steering-answer pathPrefix',
  'steering-answer ranked.0.urlPrefix',
  'steering-answer ranked.0.siteId',
  'steering-answer degraded',
  'token-key issuer',
]);

/** Its private half is gone: these signatures can only be checked. */
const PLANNER_KEY = 'b4vYgpkMOz1PAwLynhKJxCl+E87ZhYA3ArvziwoejHY=';

const folder = join(import.meta.dirname, 'golden');
const golden = (name: string): unknown => JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'));

type Path = readonly (string | number)[];
const written = (path: Path): string => path.join('.');

/** Every place of a document where something stands, outer ones first. */
function placesOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  const members = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  const inner = members.flatMap(([key, member]) => placesOf(member, [...path, key]));
  return path.length === 0 ? inner : [path, ...inner];
}

/** The document with one place changed, or taken away when no value is given. */
function changed(document: unknown, path: Path, ...value: readonly unknown[]): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return value[0];
  const copy = (Array.isArray(document) ? [...(document as unknown[])] : { ...(document as object) }) as Record<
    string | number,
    unknown
  >;
  if (rest.length > 0) copy[key] = changed(copy[key], rest, ...value);
  else if (value.length > 0) copy[key] = value[0];
  else delete copy[key];
  return copy;
}

/** The document with a member in every object that no version knows. */
function withNews(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withNews);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).map(([name, member]) => [name, withNews(member)] as const);
  return { ...Object.fromEntries(members), addedInVersion2: { why: ['a newer sender'] } };
}

function problemsOf(parse: () => unknown): readonly string[] {
  try {
    parse();
  } catch (error) {
    if (error instanceof ContractError) return error.problems;
    throw error;
  }
  return [];
}

describe.each(Object.entries(PARSERS))('the contract %s', (name, parse) => {
  const sample = golden(name);
  const places = placesOf(sample);

  it('understands its golden sample, all of it', () => {
    expect(parse(sample)).toEqual(sample);
  });

  it('passes over members that it does not know, at any depth', () => {
    expect(parse(withNews(sample))).toEqual(sample);
  });

  it('refuses something of another type in any place, and names the place', () => {
    for (const place of places) {
      const problems = problemsOf(() => parse(changed(sample, place, () => 'no JSON type at all')));
      expect(problems.map((problem) => problem.split(':')[0])).toContain(written(place));
    }
  });

  it('refuses null in any place', () => {
    for (const place of places) expect(problemsOf(() => parse(changed(sample, place, null)))).not.toEqual([]);
  });

  it('refuses a sample from which any member is missing, but for those that may be', () => {
    for (const place of places.filter((path) => typeof path.at(-1) === 'string')) {
      const problems = problemsOf(() => parse(changed(sample, place)));
      if (OPTIONAL.has(`${name} ${written(place)}`)) expect(problems).toEqual([]);
      else expect(problems.map((problem) => problem.split(':')[0])).toContain(written(place));
    }
  });

  it('refuses what is no object at all', () => {
    for (const body of [undefined, null, 'text', 5, [], true]) expect(problemsOf(() => parse(body))).not.toEqual([]);
  });
});

describe('the golden samples', () => {
  it('are all read by a contract, and each contract has one', () => {
    const files = readdirSync(folder).map((file) => file.replace('.json', ''));
    expect(files.filter((name) => name !== 'signed-request').sort()).toEqual(Object.keys(PARSERS).sort());
  });

  it.each(['fill-plan', 'file-manifest'])('carry a signature that still verifies: %s', (name) => {
    expect(documentVerifies(golden(name), PLANNER_KEY)).toBe(true);
    expect(documentVerifies(withNews(golden(name)), PLANNER_KEY)).toBe(false);
  });

  it('have holdings that decode to what was encoded', () => {
    const { holdings } = parseHeartbeat(golden('heartbeat'));
    expect(holdings && decodeHoldings(holdings)).toEqual(['whole', 'head', 'none', 'part', 'whole']);
  });

  it('have an inventory that tells roots apart by their first bytes', () => {
    const { roots } = parseInventory(golden('inventory'));
    const root = (prefix: string): string => prefix.padEnd(64, '0');
    expect(roots).toBe(encodeRoots([root('d1d303ad'), root('890f98e9')]));
    const holds = decodeRoots(roots);
    expect([root('890f98e9'), root('d1d303ad'), root('890f98ea')].map(holds)).toEqual([true, true, false]);
  });

  it('have a manifest whose block hashes are those of its blocks', () => {
    const manifest = parseFileManifest(golden('file-manifest'));
    expect(manifestBlockHash(manifest, 2).toString('hex')).toMatch(/^[0-9a-f]{64}$/);
    expect(() => manifestBlockHash(manifest, 3)).toThrow(RangeError);
  });

  it('have a signed request that still verifies', () => {
    const { headers, body, sentAtMs, publicKey, keyId, id, ...request } = golden('signed-request') as Record<
      'method' | 'target' | 'body' | 'publicKey' | 'keyId' | 'id',
      string
    > & { headers: Record<string, string>; sentAtMs: number };
    const keyOf = (asked: string) => (asked === keyId ? { id, publicKey } : undefined);
    expect(
      checkSignedBody(checkSignedHead(request, headers, keyOf, sentAtMs + 1000, 300_000), Buffer.from(body)),
    ).toEqual({ kind: 'valid', id, keyId });
  });
});

describe('beyond form', () => {
  const heartbeat = golden('heartbeat');
  const refused = (parse: (body: unknown) => unknown, sample: unknown, path: Path, value: unknown) =>
    problemsOf(() => parse(changed(sample, path, value))).map((problem) => problem.split(':')[0]);

  it.each<[string, Path, unknown]>([
    ['an id with capitals', ['applianceId'], 'OCA-1'],
    ['an id with a comma', ['applianceId'], 'a,b'],
    ['an id with two dots', ['siteId'], 'a..b'],
    ['an id of 33 characters', ['clusterId'], 'a'.repeat(33)],
    ['a URL with a slash at its end', ['publicUrl'], 'http://a.example/'],
    ['a URL with a query', ['publicUrl'], 'http://a.example?x'],
    ['a URL of another scheme', ['publicUrl'], 'ftp://a.example'],
    ['a URL with credentials', ['publicUrl'], 'http://u:p@a.example'],
    ['a URL with a line end, which would begin a line of a playlist', ['publicUrl'], 'http://a.example\n/b'],
    ['a URL with a quote', ['publicUrl'], 'http://a.example/"b'],
    ['a state that does not exist', ['state'], 'sleeping'],
    ['a negative load', ['load', 'activeRequests'], -1],
    ['a capacity of nothing', ['capacity', 'hardEgressBitsPerSec'], 0],
    ['a fraction of a millisecond', ['sentAtMs'], 1.5],
    ['holdings that are no base64', ['holdings', 'levels'], '!!'],
    ['a version from the future', ['version'], 2],
  ])('a heartbeat with %s is refused', (_what, path, value) => {
    expect(refused(parseHeartbeat, heartbeat, path, value)).toContain(written(path));
  });

  it.each([
    '/a/../b',
    '/./a',
    '/a/%2e%2E/b',
    '/%2e',
    '/a\u0001b',
    'a',
    '/a b',
    '/a?b',
    '/a#b',
    '/a\\b',
    '/',
    `/${'x'.repeat(1100)}`,
  ])('a demand sample with the path %s is refused', (path) => {
    expect(refused(parseDemandSample, golden('demand-sample'), ['entries', 0, 'path'], path)).toContain(
      'entries.0.path',
    );
  });

  it('a demand sample must begin with an hour', () => {
    expect(refused(parseDemandSample, golden('demand-sample'), ['hourStartMs'], 1)).toContain('hourStartMs');
  });

  it('a manifest must have as many hashes as blocks, and the root of these hashes', () => {
    const manifest = golden('file-manifest');
    expect(refused(parseFileManifest, manifest, ['sizeBytes'], 5)).not.toEqual([]);
    expect(refused(parseFileManifest, manifest, ['root'], 'f'.repeat(64))).not.toEqual([]);
    expect(refused(parseFileManifest, manifest, ['blockBytes'], 2 ** 20 + 1)).not.toEqual([]);
  });

  it('a plan may want the head of a file only, which is held in whole blocks', () => {
    const plan = golden('fill-plan');
    const headed = parseFillPlan(changed(plan, ['files', 0, 'headBytes'], 2 ** 20 + 1));
    expect(headed.files.map((file) => [plannedBlocks(file), plannedBytes(file)])).toEqual([[2, 2 ** 21]]);
    expect(parseFillPlan(plan).files.map((file) => [plannedBlocks(file), plannedBytes(file)])).toEqual([
      [3, 2_109_497],
    ]);
    expect(refused(parseFillPlan, plan, ['files', 0, 'headBytes'], 0)).toContain('files.0.headBytes');
    expect(refused(parseFillPlan, plan, ['files', 0, 'headBytes'], 1.5)).toContain('files.0.headBytes');
  });

  it('a plan may say how the link is to be spared: rates by the minute, peers beside it, caps, silence and urgency', () => {
    const plan = golden('fill-plan');
    const startsAtMs = 1893981600000;
    const rates = [
      { fromMs: startsAtMs, fillBitsPerSec: 0 },
      { fromMs: startsAtMs + 300_000, fillBitsPerSec: 5e8 },
    ];
    const spared = [
      [['windows', 0, 'rates'], rates],
      [['windows', 0, 'peerBitsPerSec'], 1e10],
      [['windows', 0, 'lastPriority'], 0],
      [['windows', 0, 'caps'], [{ sinceMs: startsAtMs, untilMs: 1894024800000, maxBytes: 6.5e12 }]],
      [['files', 0, 'sources', 1, 'afterSilenceSec'], 600],
    ] as const;
    for (const [path, value] of spared) {
      const document = changed(plan, [...path], value);
      expect(parseFillPlan(document)).toEqual(document);
      expect(refused(parseFillPlan, plan, [...path], -1)).not.toEqual([]);
    }
  });

  it('a content steering answer has two pathways at least, and a TTL that players take', () => {
    const steering = golden('content-steering');
    expect(refused(parseContentSteering, steering, ['PATHWAY-PRIORITY'], ['origin'])).toContain('PATHWAY-PRIORITY');
    expect(refused(parseContentSteering, steering, ['TTL'], 0)).toContain('TTL');
  });
});
