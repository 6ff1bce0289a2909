import { describe, expect, it } from 'vitest';
import { idFromHostname } from '../../../appliance/config.ts';
import { admit } from '../../../appliance/delivery/admit.ts';
import { LoadMeter } from '../../../appliance/delivery/load-meter.ts';
import { parseRequest } from '../../../appliance/delivery/parse-request.ts';
import { FakeClock } from '../../support/fake-world.ts';

const LIMITS = { maxTargetChars: 100, ownId: 'oca-1' };
const parse = (headers: Readonly<Record<string, string>>, method = 'GET', target = '/a?x=1&CMCD=br%3D1') =>
  parseRequest({ method, target, headers }, LIMITS);
const understood = (...words: Parameters<typeof parse>) => {
  const parsed = parse(...words);
  if (parsed.kind !== 'deliver') throw new Error(parsed.kind);
  return parsed.request;
};

describe('a request', () => {
  it('has a key without what only describes the player', () => {
    expect(understood({}).key).toBe('/a?x=1');
    expect(understood({}).path).toBe('/a');
  });

  it('has ranges in GET alone', () => {
    expect(understood({ range: 'bytes=0-1' }).ranges).toEqual([{ kind: 'from', first: 0, last: 1 }]);
    expect(understood({ range: 'bytes=0-1' }, 'HEAD').ranges).toBe('ignore');
  });

  it('takes Pragma for Cache-Control only where that is missing', () => {
    expect(understood({ pragma: 'no-cache' }).directives.noCache).toBe(true);
    expect(understood({ pragma: 'no-cache', 'cache-control': 'max-age=1' }).directives.noCache).toBe(false);
  });

  it('hands on no credentials, no cookies and no address', () => {
    const headers = {
      authorization: 'Basic eA==',
      cookie: 'a=b',
      'x-forwarded-for': '192.0.2.1',
      'accept-encoding': 'gzip',
      range: 'bytes=0-1',
      'user-agent': 'player',
    };
    const hop = { via: '1.1 oca-1', 'cdn-loop': 'oca-1' };
    expect(understood(headers).forwardHeaders).toEqual({ range: 'bytes=0-1', 'user-agent': 'player', ...hop });
    expect(understood(headers).sharedHeaders).toEqual({ 'user-agent': 'player', ...hop });
    expect(understood(headers).hasAuthorization).toBe(true);
  });

  it.each([
    ['other', 'deliver'],
    ['a, oca-1', 'refused'],
    ['oca-1; info=x, b', 'refused'],
    ['oca-11', 'deliver'],
  ])('that names us in CDN-Loop (%s) has been here', (loop, kind) => {
    expect(parse({ 'cdn-loop': loop }).kind).toBe(kind);
  });
});

describe('admission', () => {
  const load = { activeRequests: 0, maxActiveRequests: 10, egressBitsPerSec: 0, hardEgressBitsPerSec: 1000 };

  it('has room below both limits', () => {
    expect(admit({ ...load, activeRequests: 9, egressBitsPerSec: 999 }, 0)).toEqual({ kind: 'admitted' });
  });

  it.each([
    [{ activeRequests: 10 }, 0, 1],
    [{ egressBitsPerSec: 1000 }, 0.999, 5],
  ])('sheds at a limit (%o), and spreads who comes back', (full, chance, retryAfterSec) => {
    expect(admit({ ...load, ...full }, chance)).toEqual({ kind: 'shed', retryAfterSec });
  });
});

describe('the load meter', () => {
  it('averages what was sent over five full seconds', async () => {
    const clock = new FakeClock(0);
    const meter = new LoadMeter(clock, () => 0);
    meter.sent(5000);
    expect(meter.egressBitsPerSec()).toBe(0);
    await clock.advance(1000);
    expect(meter.egressBitsPerSec()).toBe(8000);
    await clock.advance(4000);
    expect(meter.egressBitsPerSec()).toBe(8000);
    await clock.advance(1000);
    expect(meter.egressBitsPerSec()).toBe(0);
    meter.sent(5000);
    await clock.advance(3_600_000);
    expect(meter.egressBitsPerSec()).toBe(0);
  });

  it('gives all who ask within a second the same share of the processor', async () => {
    const clock = new FakeClock(0);
    let micros = 0;
    const meter = new LoadMeter(clock, () => micros);
    await clock.advance(2000);
    micros = 1_000_000;
    expect(meter.cpuShare()).toBe(0.5);
    micros = 9_000_000;
    expect(meter.cpuShare()).toBe(0.5);
    await clock.advance(1000);
    expect(meter.cpuShare()).toBe(8);
  });
});

describe('an id made of a host name', () => {
  it.each([
    ['North-1.example.net', 'north-1.example.net'],
    ['-x_y', 'x_y'],
    ['a..b', 'a.b'],
    ['größe', 'gr-e'],
    ['---', 'appliance'],
    ['a'.repeat(50), 'a'.repeat(32)],
  ])('%s', (name, id) => {
    expect(idFromHostname(name)).toBe(id);
  });
});
