import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { z } from 'zod';
import { parseContract } from '../../src/contracts/contract.ts';
import { parseDemandSample } from '../../src/contracts/demand-sample.ts';
import { BLOCK_BYTES, type FileManifest } from '../../src/contracts/file-manifest.ts';
import type { PlanRenditions } from '../../src/contracts/fill-plan.ts';
import { parseFillReport } from '../../src/contracts/fill-report.ts';
import { sha256HexSchema } from '../../src/contracts/ids.ts';
import { evaluatePreconditions } from '../../src/http/conditional.ts';
import { inTurns } from '../../src/resilience/in-slices.ts';
import { type JsonReply, type JsonRequest, type JsonServer, sendProblem } from '../../src/server/json-server.ts';
import type { SignatureGuard } from '../../src/server/signature-guard.ts';
import type { Identity } from '../../src/signing/identity.ts';
import { signDocument } from '../../src/signing/signed-document.ts';
import type { Clock } from '../../src/world/world.ts';
import { embargoedTitles } from '../calendar/calendar-facts.ts';
import type { CalendarStore } from '../calendar/calendar-store.ts';
import type { CatalogStore } from '../catalog/catalog-store.ts';
import type { DemandStore, SampleOutcome } from '../demand/demand-store.ts';
import type { FleetStore } from '../fleet/fleet-store.ts';
import type { PlanDocuments } from '../plan/plan-documents.ts';
import type { PlanStore } from '../plan/plan-store.ts';
import type { PlanRollout } from '../rollout/plan-rollout.ts';

export interface ServiceRoutesParts {
  readonly guard: SignatureGuard;
  readonly identity: Identity;
  readonly clock: Clock;
  readonly calendar: Pick<CalendarStore, 'facts'>;
  readonly catalog: CatalogStore;
  readonly demand: DemandStore;
  readonly fleet: FleetStore;
  readonly plans: PlanStore;
  readonly documents: PlanDocuments;
  readonly rollout: PlanRollout;
  readonly onSample: (outcome: SampleOutcome) => void;
}

/** Demand of a site that the fleet does not know: counted, so that it is not lost, and in nobody's prediction. */
const UNKNOWN_REGION = 'unknown';

const versionSchema = z.object({ version: z.coerce.number().int().positive().optional() });

/** What appliances and steering ask of the planner and tell it. */
export function addServiceRoutes(server: JsonServer, parts: ServiceRoutesParts): void {
  addPlanRoutes(server, parts);
  addCatalogueRoutes(server, parts);
  addReportRoutes(server, parts);
}

/** A few milliseconds. */
const RENDITIONS_PER_TURN = 2000;

function addPlanRoutes(server: JsonServer, { guard, plans, documents }: ServiceRoutesParts): void {
  server.get<{ Params: { appliance: string } }>('/v1/plan/:appliance', async (request, reply) => {
    const { appliance } = request.params;
    if (guard(request, reply, ['appliance'], appliance) === 'refused') return reply;
    const stored = plans.newest(appliance);
    if (stored === undefined) return noPlan(reply, appliance);
    if (isHad(request, reply, stored.etag)) return reply.code(304).send();
    const written = await documents.write(appliance);
    if (written === undefined) return noPlan(reply, appliance);
    // Another plan may have come while this one waited for its turn.
    return reply.header('etag', written.plan.etag).type('application/json').send(written.body);
  });

  server.get<{ Params: { appliance: string } }>('/v1/plan/:appliance/renditions', async (request, reply) => {
    const { appliance } = request.params;
    if (guard(request, reply, ['steering', 'appliance']) === 'refused') return reply;
    const { version } = parseContract('rendition list request', versionSchema, request.query);
    const stored = version === undefined ? plans.newest(appliance) : plans.version(appliance, version);
    if (stored === undefined) return noPlan(reply, appliance, version);
    const { planVersion } = stored;
    // The list of a version never changes, so the version is its tag.
    if (isHad(request, reply, `"${planVersion}"`)) return reply.code(304).send();
    const renditions = await inTurns(plans.readRenditions(stored), RENDITIONS_PER_TURN);
    return { version: 1, applianceId: appliance, planVersion, renditions } satisfies PlanRenditions;
  });
}

function addCatalogueRoutes(server: JsonServer, parts: ServiceRoutesParts): void {
  const { guard, calendar, catalog, clock, identity } = parts;
  server.get<{ Params: { root: string } }>('/v1/file-manifest/:root', (request, reply) => {
    if (guard(request, reply, ['appliance', 'steering']) === 'refused') return reply;
    const root = parseContract('file manifest root', sha256HexSchema, request.params.root);
    const file = catalog.findByRoot(root);
    if (file === undefined) return sendProblem(reply, 404, 'NOT_FOUND', `no file of root ${root} in the catalogue`);
    const { path, sizeBytes, blockHashes } = file;
    const manifest = { version: 1 as const, path, sizeBytes, blockBytes: BLOCK_BYTES, root };
    return signDocument({ ...manifest, blockHashes: blockHashes.toString('base64') }, identity) satisfies FileManifest;
  });

  server.get('/v1/catalogue', (request, reply) => {
    if (guard(request, reply, ['steering', 'appliance']) === 'refused') return reply;
    // Steering must not know what is under embargo: it would name it, and sign URLs for it.
    const hidden = embargoedTitles(calendar.facts, clock.nowMs());
    const etag = `"${catalog.catalogueVersion}${hidden.length === 0 ? '' : `-${digestOf(hidden)}`}"`;
    if (isHad(request, reply, etag)) return reply.code(304).send();
    return reply.type('application/json').send(Readable.from(catalog.snapshotPieces(hidden)));
  });
}

function addReportRoutes(server: JsonServer, parts: ServiceRoutesParts): void {
  const { guard, catalog, demand, fleet, plans, rollout, clock, onSample } = parts;

  server.post('/v1/demand', { onRequest: guard.beforeBody }, (request, reply) => {
    const sample = parseDemandSample(request.body);
    if (guard(request, reply, ['appliance'], sample.applianceId) === 'refused') return reply;
    const region = fleet.regionOf(sample.applianceId, sample.siteId) ?? UNKNOWN_REGION;
    const outcome = demand.count(sample, region, (path) => catalog.renditionOf(path), clock.nowMs());
    if (outcome === 'counted') rollout.count(sample, (path) => catalog.renditionOf(path));
    onSample(outcome);
    return { outcome };
  });

  server.post('/v1/fill-report', { onRequest: guard.beforeBody }, (request, reply) => {
    const report = parseFillReport(request.body);
    if (guard(request, reply, ['appliance'], report.applianceId) === 'refused') return reply;
    if (!fleet.get().fleet.appliances.some(({ id }) => id === report.applianceId))
      return sendProblem(reply, 404, 'NO_PLAN', `'${report.applianceId}' is not in the fleet`);
    plans.report(report, clock.nowMs());
    return reply.code(204).send();
  });
}

/** Names the tag of the answer. @returns whether who asks has it already */
function isHad(request: JsonRequest, reply: JsonReply, etag: string): boolean {
  reply.header('etag', etag).header('cache-control', 'no-cache');
  const outcome = evaluatePreconditions({
    method: request.method,
    ifNoneMatch: request.headers['if-none-match'],
    ifMatch: undefined,
    ifModifiedSince: undefined,
    ifUnmodifiedSince: undefined,
    etag,
    lastModifiedMs: undefined,
    dateMs: undefined,
  });
  return outcome === 'not-modified';
}

const noPlan = (reply: JsonReply, appliance: string, version?: number): JsonReply =>
  sendProblem(
    reply,
    404,
    'NO_PLAN',
    version === undefined
      ? `no plan for '${appliance}' yet: it is not in the fleet, or no cycle has run`
      : `no plan ${version} of '${appliance}' is kept`,
  );

const digestOf = (titles: readonly string[]): string =>
  createHash('sha256').update(titles.join(' ')).digest('base64url').slice(0, 22);
