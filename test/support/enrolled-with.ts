import { join } from 'node:path';
import { EnrolledService } from '../../src/client/enrolled-service.ts';
import type { HttpClient } from '../../src/client/http-client.ts';
import { loadOrCreateIdentity } from '../../src/signing/identity.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';
import type { World } from '../../src/world/world.ts';
import type { ServiceStandIn } from './service-stand-in.ts';

/** Appliance `a1`'s way to a stand-in, enrolled with a fresh token unless one is given. Not started. */
export function enrolledWith(
  standIn: ServiceStandIn,
  dir: string,
  http: HttpClient,
  world: World,
  token = standIn.mintToken('a1'),
): EnrolledService {
  return new EnrolledService({
    name: 'service',
    baseUrl: standIn.url,
    token,
    allowUnsigned: false,
    role: 'appliance',
    identity: loadOrCreateIdentity('a1', join(dir, 'identity.pem')),
    stateFile: join(dir, 'enrolment.json'),
    http,
    world,
    logger: silentLogger,
    timeoutMs: 5000,
    maxAnswerBytes: 10_000_000,
  });
}
