import { join } from 'node:path';
import {
  type ConfigOf,
  choiceParameter,
  flagParameter,
  numberParameter,
  textListParameter,
  textParameter,
} from '../../src/config/parameter.ts';
import { OperationalError } from '../../src/errors/operational-error.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import type { Metrics } from '../../src/telemetry/metrics.ts';
import type { World } from '../../src/world/world.ts';
import { PolicyKeeper, type PolicyKeeperOptions } from '../policy/policy-keeper.ts';
import { RollBacks } from '../policy/roll-backs.ts';
import { ClientAddresses, FORWARDED_HEADERS, parseTrustedProxies } from './client-address.ts';
import { Edge } from './edge.ts';
import { EntryTokens } from './entry-tokens.ts';
import { Shedder } from './shed/shedder.ts';

export const edgeParameters = {
  entryKeys: textParameter(
    '',
    'Public keys of the content provider: a JSON list of keyId, algorithm (EdDSA), publicKey (32 bytes, base64), notAfterMs, issuer. With it, manifests, places and redirects need a token of his in the query (URISigningPackage, RFC 9246). Read at the start.',
    { unit: 'FILE' },
  ),
  maxDecisionsPerSec: numberParameter(
    '1/s',
    { min: 1, max: 1_000_000 },
    50_000,
    'Decisions of this service. Above it, players get an answer that leaves them where they are, whatever time there is. Lower where steering shares its machine.',
  ),
  shedDelayMs: numberParameter(
    'ms',
    { min: 1, max: 10_000 },
    50,
    'When every request waits so long, the less important ones get an answer that leaves them where they are.',
  ),
  maxPerAddressPerSec: numberParameter(
    '1/s',
    { min: 1, max: 1_000_000 },
    100,
    'Decisions per client address, above which it gets the same. Many viewers may share one.',
  ),
  maxConnections: numberParameter(
    'connections',
    { min: 1, max: 1e6 },
    50_000,
    'Open connections of players and appliances; more are closed at once. The limit of open files (ulimit -n) must be higher.',
  ),
  maxConnectionsPerAddress: numberParameter(
    'connections',
    { min: 1, max: 1e6 },
    1000,
    'Open connections of one client address; what is beyond is answered and closed, and from four times as many on closed at once.',
  ),
  maxHeartbeatsPerSec: numberParameter(
    '1/s',
    { min: 1, max: 1_000_000 },
    1000,
    'Heartbeats of appliances that are taken whatever the load is; half a second of them is enough for the largest fleet.',
  ),
  trustedProxies: textListParameter(
    'CIDR',
    'Proxies in front that are believed whose request it is. By default the address of the connection counts.',
  ),
  forwardedHeader: choiceParameter(
    FORWARDED_HEADERS,
    'x-forwarded-for',
    'The header that trustedProxies write. The other one is not read: a client could send it.',
  ),
  proxyProtocol: flagParameter(
    'Connections of trustedProxies begin with a PROXY protocol header (version 1 or 2), also in front of TLS; without it they are closed. Other connections have none.',
  ),
  policy: textParameter(
    '',
    'Rules for devices and cohorts, JSON. Read again when it changes; a broken file changes nothing. oca policy check FILE looks through it.',
    { unit: 'FILE' },
  ),
  policyPollMs: numberParameter(
    'ms',
    { min: 50, max: 600_000 },
    2000,
    'How often to look whether the policy has changed.',
  ),
};

export interface EdgeContext {
  readonly config: ConfigOf<typeof edgeParameters> & { readonly id: string; readonly state: string };
  readonly world: World;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly locate: PolicyKeeperOptions['locate'];
}

/** @throws OperationalError CONFIG_INVALID */
export function createEdge({ config, world, logger, metrics, locate }: EdgeContext): Edge {
  const trustedProxies = readTrustedProxies(config.trustedProxies);
  if (config.proxyProtocol && trustedProxies.length === 0)
    throw new OperationalError('CONFIG_INVALID', '--proxy-protocol hears nobody without --trusted-proxies');
  const broken = metrics.gauge(
    'policy_file_broken',
    '1 while the policy cannot be read: the log names what is wrong; the policy before stays in use.',
  );
  const outcomes = metrics.counter(
    'cohort_bad_sessions_total',
    'Reports of sessions that went bad, by group and outcome: where the cohort has clearly more, it is being rolled back.',
    ['group', 'outcome'],
  );
  const policy = new PolicyKeeper({
    file: config.policy,
    pollMs: config.policyPollMs,
    world,
    logger,
    locate,
    rollBacks: new RollBacks(join(config.state, 'roll-backs.json'), logger),
    onState: (problem) => broken.set(problem === undefined ? 0 : 1),
    onOutcome: (group, outcome) => outcomes.inc({ group, outcome }),
  });
  const shedder = new Shedder({
    clock: world.clock,
    targetDelayMs: config.shedDelayMs,
    maxPerSec: config.maxDecisionsPerSec,
    fleetPerSec: config.maxHeartbeatsPerSec,
  });
  const edge = new Edge({
    world,
    addresses: new ClientAddresses(trustedProxies, config.forwardedHeader),
    maxPerAddressPerSec: config.maxPerAddressPerSec,
    policy,
    shedder,
    entry: config.entryKeys === '' ? undefined : new EntryTokens(config.entryKeys, config.id, world.clock),
  });
  showEdge(edge, metrics);
  return edge;
}

function showEdge(edge: Edge, metrics: Metrics): void {
  metrics.gauge(
    'edge_verdicts',
    'Questions since the start that the edge let go without a ranking, by filter and verdict: `service-busy` asks for another replica, `address-busy` for a look at who asks.',
    ['filter', 'verdict'],
    (gauge) => {
      for (const { name, verdicts } of edge.report().filters)
        for (const [verdict, count] of Object.entries(verdicts)) gauge.set({ filter: name, verdict }, count);
    },
  );
  metrics.gauge(
    'shed_share',
    'Share of the questions, by importance, that are not ranked now: above 0 it is overloaded.',
    [],
    (gauge) => gauge.set(edge.report().load.shedShare),
  );
  metrics.gauge(
    'standing_delay_seconds',
    'How long every request waited in the last quarter of a second.',
    [],
    (gauge) => gauge.set(edge.report().load.standingDelayMs / 1000),
  );
  metrics.gauge('policy_changes', 'Policies taken from the file since the start.', [], (gauge) =>
    gauge.set(edge.policy.changes),
  );
  metrics.gauge(
    'rolled_back_cohorts',
    'Cohorts of the policy that are treated like everybody: see oca policy show.',
    [],
    (gauge) => gauge.set(edge.policy.reports().filter(({ rollBack }) => rollBack !== undefined).length),
  );
}

function readTrustedProxies(texts: readonly string[]): ReturnType<typeof parseTrustedProxies> {
  try {
    return parseTrustedProxies(texts);
  } catch (error) {
    throw new OperationalError('CONFIG_INVALID', `--trusted-proxies ${String(error)}`, { cause: error });
  }
}
