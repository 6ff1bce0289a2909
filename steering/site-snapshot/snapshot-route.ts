import { createHash } from 'node:crypto';
import { parseContract } from '../../src/contracts/contract.ts';
import { siteIdSchema } from '../../src/contracts/ids.ts';
import type { JsonServer } from '../../src/server/json-server.ts';
import type { SignatureGuard } from '../../src/server/signature-guard.ts';
import { canonicalJson } from '../../src/signing/canonical-json.ts';
import type { Identity } from '../../src/signing/identity.ts';
import { signDocument } from '../../src/signing/signed-document.ts';
import type { FleetView } from '../fleet/fleet-registry.ts';
import { composeSnapshot, type SnapshotPolicy } from './compose-snapshot.ts';

export interface SnapshotApi {
  readonly guard: SignatureGuard;
  readonly identity: Identity;
  readonly nowMs: () => number;
  readonly fleet: () => FleetView;
  readonly policy: () => SnapshotPolicy;
}

/** `GET /v1/site-snapshot/{site}`, conditional, asked by appliances of the site: see compose-snapshot. */
export function addSnapshotRoute(server: JsonServer, { guard, identity, nowMs, fleet, policy }: SnapshotApi): void {
  server.get<{ Params: { site: string } }>('/v1/site-snapshot/:site', (request, reply) => {
    if (guard(request, reply, ['appliance']) === 'refused') return reply;
    const siteId = parseContract('site', siteIdSchema, request.params.site);
    const snapshot = composeSnapshot(siteId, fleet(), policy(), nowMs());
    const etag = `"${createHash('sha256').update(canonicalJson(snapshot)).digest('base64url').slice(0, 22)}"`;
    reply.headers({ etag, 'cache-control': 'no-cache' });
    if (request.headers['if-none-match'] === etag) return reply.code(304).send();
    return signDocument(snapshot, identity);
  });
}
