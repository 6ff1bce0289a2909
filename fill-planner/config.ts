import {
  flagParameter,
  hostPortParameter,
  numberParameter,
  patternParameter,
  textParameter,
  urlParameter,
} from '../src/config/parameter.ts';
import { adminHostsParameter } from '../src/server/admin-routes.ts';
import { ROLLOUT_PARAMETERS } from './rollout/rollout-parameters.ts';

/** Every knob of the planner. */
export const PLANNER_PARAMETERS = {
  id: patternParameter(
    'planner',
    /^[a-z0-9](?:[a-z0-9_-]|\.(?!\.)){0,31}$/,
    '1 to 32 of a-z 0-9 . _ -, first a letter or digit',
    'Name of this planner; part of the key id of everything it signs.',
  ),
  listen: hostPortParameter('127.0.0.1:9080', 'Where appliances and steering reach the planner.'),
  adminListen: hostPortParameter(
    '127.0.0.1:9081',
    'Titles, fleet, plans, health and metrics. No signatures here: keep it on loopback.',
  ),
  adminHosts: adminHostsParameter(),
  state: textParameter('planner-state', 'Directory of the planner alone: its databases and its key.', { unit: 'DIR' }),
  tlsCert: textParameter('', 'PEM certificate chain; with --tls-key the service listener speaks HTTPS.', {
    unit: 'FILE',
  }),
  tlsKey: textParameter('', 'PEM private key of the certificate.', { unit: 'FILE' }),
  origin: urlParameter('Origin of titles that are taken in from a directory and do not name one.'),
  planCron: textParameter('0 * * * *', 'When to plan: a cron expression, in UTC.', { unit: 'CRON' }),
  share: patternParameter(
    '1/1',
    /^(?:1\/1|[12]\/2|[1-3]\/3|[1-4]\/4|[1-8]\/8)$/,
    'I/N with I from 1 to N and N of 1, 2, 3, 4 or 8',
    'Which part of the regions this planner plans, where several share a fleet: 2/3 is the second of three. All of them have the same catalogue and fleet document; appliances ask the planner of their region.',
  ),
  planThreads: numberParameter(
    'threads',
    { min: 1, max: 64 },
    2,
    'Threads that plan clusters; more than there are cores do not help, each takes some hundred MB for 200,000 renditions.',
  ),
  reserveShare: numberParameter(
    'share',
    { min: 0, max: 0.95 },
    0.1,
    'Share of every disk that plans leave free for what viewers ask for unplanned.',
  ),
  minSavedPerFilled: numberParameter(
    'bytes or money saved per same spent',
    { min: 0, max: 100 },
    1,
    'How much a fill has to save at the least, in units of what it costs, and how much a day has to serve for each byte it fetches. 1: nobody downloads more than is watched. 0: fill whatever there is room for.',
  ),
  fillCaution: numberParameter(
    'deviations',
    { min: 0, max: 3 },
    0.3,
    'How many standard deviations below the forecast a saving is estimated before something is fetched. Higher: fewer useless fills, later useful ones.',
  ),
  headShare: numberParameter(
    'share',
    { min: 0, max: 0.5 },
    0.02,
    'Share of the planned space that may go to the first seconds of what is not held whole, so that it starts at once.',
  ),
  originWaitSec: numberParameter(
    's',
    { min: 0, max: 86_400 },
    600,
    'How long a source may give nothing before the next appliance in line fetches in its place. Shorter: a lost machine costs less time, a slow one more bytes.',
  ),
  demandRetentionDays: numberParameter(
    'days',
    { min: 1, max: 400 },
    28,
    'How long demand counts: older hours are forgotten and no longer taken.',
  ),
  maxDemandRows: numberParameter(
    'rows',
    { min: 1000, max: 1e9 },
    5_000_000,
    'Most rows of demand kept, one per rendition, region and hour, or day after three days; the oldest go first. About 100 bytes each.',
  ),
  s3Endpoint: urlParameter(
    'Object store that s3://BUCKET/PREFIX is read from, with the buckets in the path. Without one it is that of Amazon in --s3-region.',
  ),
  s3Region: patternParameter(
    'us-east-1',
    /^[a-z0-9-]{1,32}$/,
    '1 to 32 of a-z 0-9 -',
    'Region that requests to the object store are signed for; stores without regions take us-east-1.',
  ),
  s3Credentials: textParameter(
    '',
    'Credentials for the object store as AWS tools write them, part [default]; without one, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. Read anew for each title.',
    { unit: 'FILE' },
  ),
  intakeTitles: numberParameter(
    'titles',
    { min: 1, max: 32 },
    2,
    'Titles that are read at once, four files each. More help where the source is far away, not where the processor is busy.',
  ),
  maxFileBytes: numberParameter('bytes', { min: 1, max: 1e13 }, 200e9, 'Largest file of a title.'),
  maxTitleBytes: numberParameter('bytes', { min: 1, max: 1e14 }, 1e12, 'Largest title.'),
  maxConnections: numberParameter(
    'connections',
    { min: 1, max: 1e6 },
    20_000,
    'Open connections of appliances and steering; more are closed at once.',
  ),
  triggerListen: textParameter(
    '',
    "Where other CDNs and the provider's tools send triggers (RFC 8007), at /triggers; not set: nowhere but on adminListen. Needs --trigger-tokens, and TLS unless it is on loopback.",
    { unit: 'HOST:PORT' },
  ),
  triggerTokens: textParameter(
    '',
    "JSON list of who may send triggers, for what content: 'oca trigger token' makes an entry. Read again when it changes.",
    { unit: 'FILE' },
  ),
  cdnId: patternParameter(
    'AS64496:0',
    /^AS\d{1,10}:[\w.-]{1,64}$/,
    'AS<number>:<qualifier>',
    'Our name among CDNs (RFC 8007 section 4.6): triggers that have passed here already are refused. Set it before others send some.',
  ),
  triggerRetentionDays: numberParameter(
    'days',
    { min: 1, max: 400 },
    30,
    'How long triggers are kept: to be looked at, and for appliances that come back and missed a purge.',
  ),
  ...ROLLOUT_PARAMETERS,
  allowUnsignedLoopback: flagParameter(
    'Development only: take unsigned requests from this machine as from whoever they say they are.',
  ),
};
