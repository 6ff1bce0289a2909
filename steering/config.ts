import {
  flagParameter,
  hostPortParameter,
  numberParameter,
  patternParameter,
  textParameter,
  urlParameter,
} from '../src/config/parameter.ts';
import { adminHostsParameter } from '../src/server/admin-routes.ts';
import { recordParameters } from './accounting/record-parameters.ts';
import { edgeParameters } from './edge/create-edge.ts';
import { flowParameters } from './flow/flow-parameters.ts';
import { qualityParameters } from './quality/quality-parameters.ts';
import { ROUTING_PARAMETERS } from './routing/routing-parameters.ts';
import { tokenParameters } from './tokens/token-parameters.ts';

/** The knobs of steering. */
export const STEERING_PARAMETERS = {
  id: patternParameter(
    'steering',
    /^[a-z0-9][a-z0-9_-]{0,31}$/,
    '1 to 32 of a-z 0-9 _ -, first a letter or digit',
    'Name of this service; the planner knows its key by it.',
  ),
  listen: hostPortParameter('127.0.0.1:9090', 'Where players and appliances reach it.'),
  adminListen: hostPortParameter(
    '127.0.0.1:9091',
    'Where operators reach it: health, metrics, fleet, explain. Not for the public.',
  ),
  adminHosts: adminHostsParameter(),
  state: textParameter('steering-state', 'Folder for key, last known fleet and catalogue.', { unit: 'DIR' }),
  planner: urlParameter("The fill-planner, for the catalogue and the plans' rendition lists."),
  plannerToken: textParameter('', 'One-time token to enrol with the planner (oca enrol).', { secret: true }),
  publicUrl: urlParameter(
    'The URL by which players reach this service, as it stands in manifests. Behind a proxy, or when listening on all addresses, it must be set. By default the address it listens on.',
  ),
  ...ROUTING_PARAMETERS,
  sites: textParameter(
    '',
    'Table of sites as JSON: kind, network, failure domain, place, cap, time zone, maintenance (oca site --help shows one). Read again when it changes; a broken file changes nothing.',
    { unit: 'FILE' },
  ),
  leaseMs: numberParameter(
    'ms',
    { min: 200, max: 600_000 },
    6000,
    'How long an appliance counts as there after a heartbeat: about three heartbeats.',
  ),
  preserveMs: numberParameter(
    'ms',
    { min: 0, max: 86_400_000 },
    300_000,
    'When most appliances fall silent at once, how long they stay candidates behind those that are heard.',
  ),
  withholdMs: numberParameter(
    'ms',
    { min: 60_000, max: 2_592_000_000 },
    86_400_000,
    'How long an appliance, cluster or site stays withheld (oca site drain) when the operator names no end.',
  ),
  warmUpMs: numberParameter(
    'ms',
    { min: 0, max: 86_400_000 },
    60_000,
    'How long an appliance takes from a restart, an absence or a drain to its full share of new sessions. Longer where one that comes back answers slowly at first.',
  ),
  warmUpShare: numberParameter(
    'share',
    { min: 0, max: 1 },
    0.1,
    'The share of its capacity with which such an appliance begins. Less where it fails at once, more where it is needed at once.',
  ),
  newSessionShare: numberParameter(
    'share',
    { min: 0, max: 4 },
    0.7,
    "The share of its title's highest bitrate that a new session is taken to need until the appliance reports it. 0 counts no session before it is reported.",
  ),
  maxSessionsPerAddress: numberParameter(
    'sessions',
    { min: 1, max: 1_000_000 },
    64,
    'Sessions of one client address (of IPv6 of one /48) that begin within 5 s and count as load to come and as demand, and as many that go on; all are answered alike. Without it one computer could fill an appliance with sessions that nobody plays.',
  ),
  ttlSec: numberParameter(
    's',
    { min: 5, max: 3600 },
    30,
    'How long players keep an answer before they ask again, give or take a tenth.',
  ),
  steeringClones: flagParameter(
    'Let running sessions use appliances that their manifest did not declare, by pathway clones. Appliances need a DNS name each, and the same port and scheme; players on iOS and Safari are reported to fail with clones.',
  ),
  cataloguePollMs: numberParameter(
    'ms',
    { min: 50, max: 3_600_000 },
    5000,
    'How often to ask the planner for changes: a new title is known so much later.',
  ),
  ...flowParameters,
  ...edgeParameters,
  ...tokenParameters,
  siteSnapshotSec: numberParameter(
    's',
    { min: 60, max: 2_592_000 },
    86_400,
    'How long appliances may answer content steering for their site by what they were last told, while this service is away.',
  ),
  ...qualityParameters,
  ...recordParameters,
  allowUnsignedLoopback: flagParameter('Development only: take unsigned calls of services from loopback.'),
  tlsCert: textParameter('', 'PEM certificate chain; with tlsKey the service speaks HTTPS.', { unit: 'FILE' }),
  tlsKey: textParameter('', 'PEM key of tlsCert.', { unit: 'FILE' }),
};
