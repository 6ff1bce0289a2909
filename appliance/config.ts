import { hostname, totalmem } from 'node:os';
import {
  type ConfigOf,
  choiceParameter,
  flagParameter,
  hostPortParameter,
  numberParameter,
  patternParameter,
  textListParameter,
  textParameter,
  urlListParameter,
  urlParameter,
} from '../src/config/parameter.ts';
import { adminHostsParameter } from '../src/server/admin-routes.ts';
import { engineParameters } from './engine-parameters.ts';
import { defaultContentMemory } from './memory/content-memory.ts';
import { policyNames } from './store/eviction/eviction-policy.ts';
import { tokenParameters } from './tokens/token-parameters.ts';
import { volumeParameters } from './volume-parameters.ts';

const NAME = /^[a-z0-9](?:[a-z0-9_-]|\.(?!\.)){0,31}$/;
const NAME_SHAPE = '1 to 32 of a-z 0-9 . _ -, first a letter or digit';
const DAY_SEC = 86_400;
const TEN_MINUTES_MS = 600_000;

/** An appliance id made of a host name: what does not fit is left out, so that a machine starts without being named. */
export function idFromHostname(name: string): string {
  const fitting = name
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/\.{2,}/g, '.')
    .replace(/^[^a-z0-9]+/, '')
    .slice(0, 32);
  return fitting === '' ? 'appliance' : fitting;
}

const timeMs = (fallback: number, help: string) =>
  numberParameter('ms', { min: 1, max: TEN_MINUTES_MS }, fallback, help);

/** Every knob of the appliance. `oca config appliance` prints this table. */
export const applianceParameters = {
  id: patternParameter(
    idFromHostname(hostname()),
    NAME,
    NAME_SHAPE,
    'Name of this appliance, unique in the fleet; also its name in Cache-Status and its pathway in content steering.',
    "the machine's host name",
  ),
  site: patternParameter('default', NAME, NAME_SHAPE, 'Site that this appliance stands in, as the planner knows it.'),
  cluster: patternParameter('default', NAME, NAME_SHAPE, 'Cluster whose members fill from each other first.'),
  listen: hostPortParameter('127.0.0.1:8080', 'Where viewers and peers ask. Port 0 picks a free one.'),
  adminListen: hostPortParameter(
    '127.0.0.1:8081',
    'Where operators ask: health, metrics, drain, purge, explain. Keep it on loopback or a management network.',
  ),
  adminHosts: adminHostsParameter(),
  publicUrl: urlParameter('Base URL that players are given for this appliance; made of --listen when not set.'),
  tlsCert: textParameter('', 'PEM certificate chain: with it and --tls-key, --listen speaks HTTPS.', { unit: 'FILE' }),
  tlsKey: textParameter('', 'PEM private key of --tls-cert.', { unit: 'FILE' }),
  ...engineParameters,

  origin: urlParameter('Where files come from that no peer has; the path of a request is appended to it.'),
  tier: urlParameter(
    'An appliance above this one that misses are asked of before the origin; it fetches what it lacks. It fills by ranges of the same strong validator.',
  ),
  peers: urlListParameter(
    'An appliance beside this one that misses are asked of first, for what it holds; give one per peer. Planned files name their own.',
  ),
  volume: textListParameter('DIR', 'Folder on a disk of its own that holds content; give one per disk.'),
  volumeCapacityBytes: numberParameter(
    'bytes',
    { min: 0, max: 2 ** 53 - 1 },
    0,
    'Most content on one volume. 0 takes 90 % of what is free on its file system and what the volume holds already.',
  ),
  ...volumeParameters,
  scrubPeriodDays: numberParameter(
    'days',
    { min: 0, max: 365 },
    30,
    'Within so long every stored block is read from its disk and compared, with what viewers leave over. 0 never does.',
  ),
  evictionPolicy: choiceParameter(
    policyNames,
    'reuse-rate',
    'Who leaves a full volume first. reuse-rate learns who is asked for again, watches what LRU would do and falls back to it; the others are for comparison.',
  ),
  durability: choiceParameter(
    ['process', 'power'],
    'process',
    'What a stored block outlives: this process, however it dies, or also a power cut. The latter syncs the disk for every group of blocks; with the former a power cut costs at most refills, never a wrong byte.',
  ),
  state: textParameter(
    '',
    "Folder for this appliance's identity and state, such as which disk is where: best on no volume. Inside the first volume when not set.",
    { unit: 'DIR' },
  ),
  memoryBytes: numberParameter(
    'bytes',
    { min: 0, max: 2 ** 43 },
    defaultContentMemory(totalmem(), process.constrainedMemory()),
    'Memory for content that is asked for often, beside what the process itself needs. The page cache keeps no content for viewers: on a machine of its own give it more.',
    "a quarter of the machine's memory, or of the limit that it runs under",
  ),

  steering: urlParameter('Steering service that heartbeats go to; without it no player is sent here by steering.'),
  steeringToken: textParameter('', 'One-time token from `oca enrol` on the steering service.', { secret: true }),
  planner: urlParameter('Fill-planner that the plan comes from; without it only what is asked for is filled.'),
  plannerToken: textParameter('', 'One-time token from `oca enrol` on the fill-planner.', { secret: true }),
  heartbeatMs: timeMs(2000, 'How often steering hears from this appliance: three times within the lease it gives.'),
  planPollMs: timeMs(30_000, 'How often the planner is asked for a newer plan.'),
  planRepeatDays: numberParameter(
    'days',
    { min: 0, max: 60 },
    7,
    "For how many days the last plan's hours of filling are repeated when no new plan comes. 0 stops with its last window.",
  ),
  planGraceHours: numberParameter(
    'hours',
    { min: 0, max: 24 * 60 },
    24,
    'How long a file that has gone from the plan keeps its place, unless the plan needs the room: plans are taken back, and what went has to be fetched once more then.',
  ),
  triggerPollMs: timeMs(
    10_000,
    'How often the planner is asked for triggers: purges, invalidations, prepositions. A purge takes effect within this.',
  ),
  demandShipMs: timeMs(60_000, 'How often counts of what was asked for go to the planner.'),
  qualityShipMs: timeMs(5000, 'How often steering is told what viewers got from here, by neighbourhood.'),
  qualityMinClients: numberParameter(
    'viewers',
    { min: 2, max: 32 },
    5,
    'Fewest viewers with which steering is told of a neighbourhood by its prefix; what fewer got is added up without it.',
  ),
  cmsd: choiceParameter(
    ['on', 'off'],
    'on',
    'Whether answers carry CMSD-Dynamic (CTA-5006): this appliance, and `du` while it sheds requests.',
  ),
  logSessions: flagParameter(
    "Put the session id that players send (CMCD sid) on the request's line of the log. It links a viewer's requests to each other.",
  ),
  routesFile: textParameter(
    '',
    'File with the routes that the ISP announces here (CSV, JSON, or an MRT table dump), reported to steering.',
    {
      unit: 'FILE',
    },
  ),
  birdSocket: textParameter(
    '',
    'Control socket of a BIRD that has the BGP session with the ISP; instead of --routes-file.',
    {
      unit: 'FILE',
    },
  ),
  birdProtocol: patternParameter(
    'isp',
    /^[A-Za-z_][A-Za-z0-9_]{0,63}$/,
    "the name of a protocol in BIRD's configuration",
    'The BGP protocol in BIRD in which the ISP announces its prefixes.',
  ),
  bmpListen: patternParameter(
    '',
    /^(?:|(?:(?:\[[0-9a-fA-F:.]+\]|[^:[\]]*):)?\d{1,5})$/,
    'HOST:PORT',
    'Where routers of the ISP reach this appliance over BMP (RFC 7854), for example 10.0.0.7:11019; instead of --routes-file and --bird-socket.',
  ),
  bmpRouters: textListParameter('CIDR', 'Routers that are heard over BMP; all others are hung up on.'),
  routesGraceMs: timeMs(120_000, 'How long the routes of a lost BGP session count before they are withdrawn.'),
  ...tokenParameters,
  localSteering: choiceParameter(
    ['on', 'off'],
    'on',
    "Whether /v1/steering/hls and /v1/steering/dash are answered here for this site, from steering's last signed snapshot. For when steering is away: what stands in front of it must then send players here.",
  ),
  allowUnsigned: flagParameter(
    'Development only: talk to a planner and steering on loopback without enrolment and signatures.',
  ),

  softEgressBitsPerSec: numberParameter(
    'bit/s',
    { min: 1, max: 1e14 },
    20e9,
    'Above this rate steering prefers others; set it to what the links carry well.',
  ),
  hardEgressBitsPerSec: numberParameter(
    'bit/s',
    { min: 1, max: 1e14 },
    25e9,
    'At this rate new requests are answered with 503; set it to what the links carry at most.',
  ),
  maxActiveRequests: numberParameter(
    'requests',
    { min: 1, max: 1e6 },
    2000,
    'Requests answered at one time; each may hold one block of 1 MiB. More get 503.',
  ),
  maxConnections: numberParameter(
    'connections',
    { min: 1, max: 1e6 },
    20_000,
    'Open connections of viewers and peers; more are closed at once.',
  ),
  maxConnectionsPerAddress: numberParameter(
    'connections',
    { min: 0, max: 1e6 },
    4096,
    'Open connections of one IPv4 address or one IPv6 /64; more are closed at once. Many viewers share an address behind a carrier-grade NAT or a proxy: raise it there, 0 sets no limit.',
  ),
  headTimeoutMs: timeMs(5000, 'How long a client may take to send the head of a request, however it trickles.'),
  idleTimeoutMs: timeMs(30_000, 'How long a connection without a request is kept.'),
  sendStallMs: timeMs(30_000, 'How long a client may take for the next 256 KiB of an answer before it is cut.'),
  minClientBytesPerSec: numberParameter(
    'B/s',
    { min: 1, max: 1e9 },
    8192,
    'Slowest rate at which a client may take an answer, in steps of 256 KiB, or send a body, over any --send-stall-ms; slower ones are cut.',
  ),
  maxTargetChars: numberParameter(
    'characters',
    { min: 256, max: 16_384 },
    4096,
    'Longest request target; more is 414.',
  ),
  drainMs: numberParameter(
    'ms',
    { min: 0, max: TEN_MINUTES_MS },
    2000,
    'After SIGTERM, how long to go on serving so that players learn of it; it ends early once nobody is connected.',
  ),

  connectTimeoutMs: timeMs(2000, 'How long a connection to a source may take; then the next source, or 504.'),
  sourceHeadTimeoutMs: timeMs(8000, 'How long a source may take to begin its answer.'),
  sourceIdleTimeoutMs: timeMs(8000, 'Longest wait between two pieces of a body from a source.'),
  blockTimeoutMs: timeMs(30_000, 'How long one block of 1 MiB may take from one source, however it trickles.'),
  readerTimeoutMs: timeMs(
    30_000,
    'How long a viewer may wait for the next byte, whatever the sources do; then 504, or the end of the connection.',
  ),
  hedgeShare: numberParameter(
    'share',
    { min: 0, max: 0.2 },
    0.05,
    'Share of fills for which a second source may be asked because the first is late. 0 never asks one.',
  ),
  hedgeOrigin: flagParameter(
    'Whether an origin that is late and alone may be asked a second time, on another connection. Not when it is overloaded.',
  ),
  maxSourceConnections: numberParameter(
    'connections',
    { min: 1, max: 10_000 },
    128,
    'Connections to one source at a time.',
  ),
  maxFills: numberParameter(
    'fills',
    { min: 1, max: 10_000 },
    64,
    'Fills on their way at one time, each up to 3 MiB of memory. More wait their turn, as many again, then 503.',
  ),
  readAheadBlocks: numberParameter(
    'blocks',
    { min: 0, max: 1024 },
    4,
    'How far a fill may run ahead of the viewer who reads it.',
  ),
  defaultTtlSec: numberParameter(
    's',
    { min: 0, max: 365 * DAY_SEC },
    0,
    'How long an answer is fresh that says nothing of it. 0 asks the origin again each time (conditionally).',
  ),
  staleIfErrorSec: numberParameter(
    's',
    { min: 0, max: 365 * DAY_SEC },
    DAY_SEC,
    'How long past its freshness an answer may be served while the origin fails, where the origin does not say.',
  ),
  forwardMethods: textListParameter(
    'METHOD',
    'Method that goes through to the origin: POST, PUT, PATCH or DELETE; give one for each. None: they get 405.',
  ),
  maxForwardBodyBytes: numberParameter(
    'bytes',
    { min: 1, max: 2 ** 40 },
    16 * 2 ** 20,
    'Largest body of such a request; more gets 413.',
  ),
  negativeTtlSec: numberParameter(
    's',
    { min: 0, max: DAY_SEC },
    1,
    'How long an answer of 404, 405, 410, 414 or 501 counts that says nothing of it. 0 keeps none; live: not above 5.',
  ),
  failureTtlSec: numberParameter(
    's',
    { min: 0, max: DAY_SEC },
    1,
    'How long an origin that failed for a path is not asked for it again, where its answer does not say. 0 asks always.',
  ),
  maxVariants: numberParameter(
    'objects',
    { min: 1, max: 256 },
    16,
    'Most answers kept under one path that differ by request fields (Vary); the one confirmed longest ago goes.',
  ),
};

export type ApplianceConfig = ConfigOf<typeof applianceParameters>;
