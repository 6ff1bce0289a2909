import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cmsdHeader, type DeliveryContext } from '../../../appliance/delivery/exchange.ts';
import { type ApplianceRig, startAppliance } from '../support/appliance-rig.ts';
import { patterned } from '../support/gated-origin.ts';
import { type Asked, ask, type OpenAnswer } from '../support/http-client.ts';

const BYTES = patterned(2000);
const HEADERS = { 'cache-control': 'max-age=1000' };

describe('what players and servers say of delivery, on the wire', () => {
  let rig: ApplianceRig;

  const start = async (flags: Readonly<Record<string, unknown>> = {}): Promise<void> => {
    rig = await startAppliance({ flags });
  };
  const put = (more: Readonly<Record<string, string>> = {}): void => {
    rig.origin.files.set('/a', { bytes: BYTES, etag: '"v1"', headers: { ...HEADERS, ...more } });
  };
  const get = (target = '/a', asked: Asked = {}): Promise<OpenAnswer> => ask(rig.url + target, asked);
  beforeEach(() => start());
  afterEach(() => rig.stop());

  it('CMSD-1: its member comes last, behind those that came with this answer and not those that were stored', async () => {
    put({ 'cmsd-dynamic': '"origin"; rtt=8;  du' });
    expect((await get()).headers['cmsd-dynamic']).toBe('"origin";rtt=8;du,"oca-1"');
    expect((await get()).headers['cmsd-dynamic']).toBe('"oca-1"');
  });

  it('CMSD-3: CMSD-Static of the origin is stored with the object and passed through as it is', async () => {
    const said = 'ot=v, br=2400,d=4000;x="a b" ,st=v';
    put({ 'cmsd-static': said });
    expect((await get()).headers['cmsd-static']).toBe(said);
    const hit = await get();
    expect([hit.headers['cmsd-static'], hit.headers['cache-status']]).toEqual([said, expect.stringMatching(/;hit/)]);
  });

  it('CMSD-4: pages of other sites may read both fields', async () => {
    put();
    expect((await get()).headers['access-control-expose-headers']).toMatch(/CMSD-Static, CMSD-Dynamic/);
  });

  it('CMSD-1: can be switched off', async () => {
    await rig.stop();
    await start({ cmsd: 'off' });
    put();
    expect((await get()).headers['cmsd-dynamic']).toBeUndefined();
  });

  it('CMCD-3, CMCD-7: whatever a player reports, the answer is the same and of the same object', async () => {
    put();
    await get();
    const odd = [
      'br',
      '%',
      '%zz',
      '((((',
      '%22',
      'v%3D9',
      'sid%3D%22x',
      'a'.repeat(3000),
      '%00%ff',
      ',,;;==',
      '?',
      'bl%3D(1%202',
    ];
    for (const text of odd) {
      const answer = await get(`/a?CMCD=${text}`, {
        headers: {
          'cmcd-object': decodeURI(text.replaceAll(/%(?![0-9a-f]{2})/g, '%25').replaceAll(/%(?:00|ff|zz)/g, '')),
        },
      });
      await answer.ended;
      expect([text, answer.status, answer.body.equals(BYTES)]).toEqual([text, 200, true]);
      expect(answer.headers['cache-status']).toMatch(/^oca-1;hit/);
      expect(answer.headers.vary ?? '').not.toMatch(/cmcd/i);
    }
    expect(rig.origin.requests).toHaveLength(1);
  });

  it('CMCD-8: a preflight allows the four headers', async () => {
    const { headers } = await get('/a', { method: 'OPTIONS' });
    expect(headers['access-control-allow-headers']).toMatch(/CMCD-Request, CMCD-Object, CMCD-Status, CMCD-Session/);
    expect(headers['access-control-allow-methods']).toMatch(/\bGET\b/);
  });
});

it('CMSD-2: `du` is said exactly while the appliance is over the load at which it sheds', () => {
  const said = (activeRequests: number, egressBitsPerSec: number): string | undefined => {
    const load = { activeRequests, egressBitsPerSec: () => egressBitsPerSec };
    const config = { id: 'oca-1', cmsd: 'on', maxActiveRequests: 10, hardEgressBitsPerSec: 1e9 };
    return cmsdHeader({ load, config } as unknown as DeliveryContext, undefined)['CMSD-Dynamic'];
  };
  // One of the active requests is the one that is answered.
  expect([said(10, 0), said(11, 0), said(1, 1e9 - 1), said(1, 1e9)]).toEqual([
    '"oca-1"',
    '"oca-1";du',
    '"oca-1"',
    '"oca-1";du',
  ]);
});
