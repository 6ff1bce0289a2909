import { flagParameter, numberParameter, textListParameter, textParameter } from '../../src/config/parameter.ts';

/** The knobs of finding out where a client is. */
export const ROUTING_PARAMETERS = {
  prefixes: textParameter(
    '',
    'Table of client prefixes and their sites: CSV lines PREFIX,SITE, JSON, or a coverage zone file of Traffic Control. Read again when it changes; a broken file changes nothing.',
    { unit: 'FILE' },
  ),
  costMap: textParameter(
    '',
    'What each site costs the ISP for each prefix: CSV lines PREFIX,SITE,COST, JSON, or ALTO maps. Read again when it changes.',
    { unit: 'FILE' },
  ),
  networkMap: textParameter(
    '',
    'JSON with the network and site of AS numbers, and the site of countries, for clients without a route. Read again when it changes.',
    { unit: 'FILE' },
  ),
  asnDatabase: textParameter('', 'MaxMind DB of AS numbers (.mmdb). Read again when it changes.', { unit: 'FILE' }),
  countryDatabase: textParameter('', 'MaxMind DB of countries (.mmdb). Read again when it changes.', { unit: 'FILE' }),
  prefixPollMs: numberParameter(
    'ms',
    { min: 50, max: 600_000 },
    2000,
    'How often to look whether the table of prefixes, the cost map, the networks or a database has changed.',
  ),
  maxReportedRoutes: numberParameter(
    'routes',
    { min: 0, max: 1_000_000 },
    100_000,
    'Most prefixes taken from one appliance; a report above it is refused whole.',
  ),
  allowPrivateRoutes: flagParameter(
    'Development only: take private and loopback prefixes from the reports of appliances.',
  ),
  routePolicies: textListParameter(
    'COMMUNITY=ACTION',
    'What BGP communities mean: 64500:666=refuse keeps the site from serving the prefix, 64500:100=prefer puts it before other sites.',
  ),
  siteOrder: textListParameter(
    'SITE',
    'Sites in the order in which ties go, when the ISP announces a prefix to several of them alike. By default by name.',
  ),
  silentRoutesMs: numberParameter(
    'ms',
    { min: 1000, max: 30 * 86_400_000 },
    3_600_000,
    'How long the routes of an appliance count that is gone and not heard of.',
  ),
  routesHoldShare: numberParameter(
    'share',
    { min: 0.01, max: 1 },
    0.5,
    "A change that takes away or moves more than this share of a site's or of all addresses is held: what stood counts. 1 never holds.",
  ),
  routesHoldPrefixes: numberParameter(
    'prefixes',
    { min: 1, max: 1_000_000 },
    100,
    'A change of fewer prefixes is never held, whatever its share.',
  ),
  routesHoldMs: numberParameter(
    'ms',
    { min: 0, max: 86_400_000 },
    600_000,
    "How long a held change must last until it counts by itself; 'oca routes accept' lets it count at once.",
  ),
};
