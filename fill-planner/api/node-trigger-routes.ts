import { createHash } from 'node:crypto';
import { parseTriggerReport, type TriggerList } from '../../src/contracts/trigger-list.ts';
import type { JsonServer } from '../../src/server/json-server.ts';
import type { SignatureGuard } from '../../src/server/signature-guard.ts';
import type { Identity } from '../../src/signing/identity.ts';
import { signDocument } from '../../src/signing/signed-document.ts';
import type { Clock } from '../../src/world/world.ts';
import type { TriggerDesk } from '../triggers/trigger-desk.ts';

export interface NodeTriggerParts {
  readonly guard: SignatureGuard;
  readonly desk: TriggerDesk;
  readonly identity: Identity;
  readonly clock: Clock;
}

/** What appliances ask and tell of triggers, beside their plan. */
export function addNodeTriggerRoutes(server: JsonServer, { guard, desk, identity, clock }: NodeTriggerParts): void {
  server.get<{ Params: { appliance: string } }>('/v1/triggers/:appliance', (request, reply) => {
    const { appliance: applianceId } = request.params;
    if (guard(request, reply, ['appliance'], applianceId) === 'refused') return reply;
    const triggers = desk.openFor(applianceId);
    const digest = createHash('sha256')
      .update(JSON.stringify([triggers, identity.keyId]))
      .digest('base64url');
    const etag = `"${digest.slice(0, 22)}"`;
    reply.headers({ etag, 'cache-control': 'no-cache' });
    if (request.headers['if-none-match'] === etag) return reply.code(304).send();
    const list = { version: 1 as const, applianceId, createdAtMs: clock.nowMs(), triggers };
    return signDocument(list, identity) satisfies TriggerList;
  });

  server.post('/v1/trigger-report', { onRequest: guard.beforeBody }, (request, reply) => {
    const report = parseTriggerReport(request.body);
    if (guard(request, reply, ['appliance'], report.applianceId) === 'refused') return reply;
    desk.report(report);
    return reply.code(204).send();
  });
}
