import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../../support/until.ts';
import { patterned } from '../../support/gated-origin.ts';
import { RawClient, requestFor } from './raw-client.ts';
import { BLOCK_BYTES, hasWireThreads, WireRig } from './wire-rig.ts';

const FILM = patterned(3 * BLOCK_BYTES + 1000, 1);
const SMALL = patterned(5000, 2);

// Only where the calls of Linux can be had: elsewhere there are no wire threads.
describe.skipIf(!hasWireThreads)('requests on a wire thread', () => {
  let rig: WireRig;
  let client: RawClient;

  beforeEach(async () => {
    rig = await WireRig.start();
    await rig.hold('/film.mp4', FILM);
    await rig.hold('/small', SMALL);
    client = await RawClient.open(rig.port);
  });
  afterEach(async () => {
    client.socket.destroy();
    await rig.stop();
  });

  it('answers one after the other on one connection', async () => {
    const whole = await client.ask('/film.mp4');
    expect(whole.status).toBe(200);
    expect(whole.body.equals(FILM)).toBe(true);
    const part = await client.ask('/film.mp4', 'Range: bytes=1000000-2500000');
    expect(part.status).toBe(206);
    expect(part.head).toContain(`Content-Range: bytes 1000000-2500000/${FILM.length}`);
    expect(part.body.equals(FILM.subarray(1_000_000, 2_500_001))).toBe(true);
    expect((await client.ask('/small', 'If-None-Match: "1"')).status).toBe(304);
    expect((await client.ask('/small', 'Range: bytes=5000-')).status).toBe(416);
    client.write('HEAD /small HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(await client.answer(true)).toMatchObject({ status: 200, body: Buffer.alloc(0) });
    expect((await client.ask('/small')).body.equals(SMALL)).toBe(true);
    expect(rig.board.total).toBe(1);
    const bytes = FILM.length + 1_500_001 + SMALL.length;
    await until(() => rig.outcomes.requests === 6);
    expect(rig.outcomes).toMatchObject({ bytes, firstBytes: 6, blocks: 4 + 3 + 1 });
    expect(rig.load.sentOf(0)).toBe(bytes);
    expect(rig.load.active).toBe(0);
    expect(rig.pins).toBe(0);
  });

  it('answers in order what came together, and goes on where a head was cut', async () => {
    const ranges = Array.from({ length: 40 }, (_, at) => [at * 100, at * 80_000] as const);
    const text = ranges
      .map(([first, last]) => requestFor('/film.mp4', `Range: bytes=${first}-${first + last}`))
      .join('');
    const cut = text.length - 20;
    client.write(text.slice(0, cut));
    for (const [at, [first, last]] of ranges.entries()) {
      if (at === ranges.length - 1) client.write(text.slice(cut));
      const { head, body } = await client.answer();
      expect(head).toContain(`bytes ${first}-${first + last}/`);
      expect(body.equals(FILM.subarray(first, first + last + 1)), String(at)).toBe(true);
    }
  });

  it('answers a head that comes in two pieces, wherever it is cut', async () => {
    const text = requestFor('/small', 'Range: bytes=0-99', 'Accept: */*');
    for (let at = 1; at < text.length; at += 1) {
      await client.writeAndSee(text.slice(0, at));
      client.write(text.slice(at));
      const { body, status } = await client.answer();
      expect(status, `cut at ${at}`).toBe(206);
      expect(body.equals(SMALL.subarray(0, 100))).toBe(true);
    }
    expect(rig.board.total).toBe(1);
  });

  it('answers a head that comes byte by byte', async () => {
    const text = requestFor('/small');
    for (const character of text) await client.writeAndSee(character);
    expect((await client.answer()).body.equals(SMALL)).toBe(true);
  });

  it('hands over what it does not take, with every byte, and no answer before it is missing', async () => {
    const odd = 'POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc';
    client.write(requestFor('/small') + odd);
    expect((await client.answer()).body.equals(SMALL)).toBe(true);
    const over = await rig.hears('over');
    expect(Buffer.from(over.bytes).toString('latin1')).toBe(odd);
    expect(over).toMatchObject({ isOneHead: false, because: 'method' });
    expect(over.connection.remotePort).toBe(client.socket.localPort);
    // The count moves with it.
    expect(rig.board.total).toBe(1);
    const other = await RawClient.open(rig.port);
    other.write(requestFor('/small', 'Cache-Control: no-cache'));
    await until(() => rig.said.filter(({ kind }) => kind === 'over').length === 2);
    expect(await rig.hears('over', 2)).toMatchObject({ isOneHead: true, because: 'field' });
    expect(rig.outcomes.abandoned('client-left')).toBe(0);
    other.socket.destroy();
  });

  it('takes a connection that comes back, and serves it on', async () => {
    client.write(requestFor('/small', 'Pragma: no-cache'));
    const { connection } = await rig.hears('over');
    rig.post({ kind: 'take', connection });
    expect((await client.ask('/small')).body.equals(SMALL)).toBe(true);
    expect(rig.board.total).toBe(1);
    client.socket.destroy();
    await until(() => rig.board.total === 0);
  });

  it('tells a sample of views with the address, the target and the report of the player', async () => {
    await client.ask('/small?CMCD=sid%3D%22a%22');
    await client.ask('/small', 'CMCD-Session: sid="b"', 'Cookie: secret=1');
    await until(() => rig.outcomes.views.length === 2);
    expect(rig.outcomes.views).toMatchObject([
      { address: '127.0.0.1', target: '/small?CMCD=sid%3D%22a%22', headers: {}, bytes: 5000, ending: 'whole' },
      { address: '127.0.0.1', target: '/small', headers: { 'cmcd-session': 'sid="b"' }, bytes: 5000, ending: 'whole' },
    ]);
  });
});

// Only where the calls of Linux can be had: elsewhere there are no wire threads.
describe.skipIf(!hasWireThreads)('limits of a wire thread', () => {
  let rig: WireRig;
  const clients: RawClient[] = [];
  const open = async (): Promise<RawClient> => {
    const client = await RawClient.open(rig.port);
    clients.push(client);
    return client;
  };
  afterEach(async () => {
    for (const { socket } of clients.splice(0)) socket.destroy();
    await rig.stop();
  });

  it('sheds with 503 and Retry-After when others have as much in hand as may be', async () => {
    rig = await WireRig.start({ limits: { maxActiveRequests: 1 } });
    await rig.hold('/small', SMALL);
    const client = await open();
    rig.load.requestBegan();
    const { head, status } = await client.ask('/small');
    expect(status).toBe(503);
    expect(head).toMatch(/^Retry-After: [1-5]$/m);
    rig.load.requestEnded();
    expect((await client.ask('/small')).status).toBe(200);
    await until(() => rig.outcomes.shed === 1 && rig.outcomes.requests === 1);
  });

  it('closes connections over the limit, in total and of one address', async () => {
    rig = await WireRig.start({ limits: { maxConnections: 2 } });
    await Promise.all([open(), open()]);
    await until(() => rig.board.total === 2);
    const third = await open();
    expect(await third.ended).toBe('end');
    await until(() => rig.outcomes.refused('connections') === 1);
    expect(rig.board.total).toBe(2);
    await rig.stop();
    rig = await WireRig.start({ limits: { maxConnectionsPerAddress: 1 } });
    await open();
    await until(() => rig.board.total === 1);
    expect(await (await open()).ended).toBe('end');
    await until(() => rig.outcomes.refused('connections-of-address') === 1);
  });

  it('ends who sends no head in time with 408, and who is idle without a word', async () => {
    rig = await WireRig.start({ limits: { headTimeoutMs: 300, idleTimeoutMs: 300 } });
    await rig.hold('/small', SMALL);
    const [silent, slow, idle] = await Promise.all([open(), open(), open()]);
    slow.write('GET /small HT');
    expect((await idle.ask('/small')).status).toBe(200);
    expect(await idle.ended).toBe('end');
    expect(idle.receivedBytes).toBe(0);
    for (const client of [silent, slow]) expect((await client.answer()).status).toBe(408);
    await until(() => rig.outcomes.refused('head-timeout') === 2);
    await until(() => rig.board.total === 0);
  });

  it('says Connection: close while it drains, and when it is asked to, and ends the connection then', async () => {
    rig = await WireRig.start();
    await rig.hold('/small', SMALL);
    const [asks, meets] = await Promise.all([open(), open()]);
    expect((await asks.ask('/small', 'Connection: close')).head).toContain('\r\nConnection: close');
    expect(await asks.ended).toBe('end');
    rig.post({ kind: 'draining', isDraining: true });
    rig.post({ kind: 'running', ticket: 1, rule: { by: 'key', key: '/' }, cut: false });
    await rig.hears('running');
    expect((await meets.ask('/small')).head).toContain('\r\nConnection: close');
    expect(await meets.ended).toBe('end');
  });

  it('leaves connections in the queue when it no longer listens, for whoever listens next', async () => {
    rig = await WireRig.start();
    await rig.hold('/small', SMALL);
    const before = await open();
    expect((await before.ask('/small')).status).toBe(200);
    rig.post({ kind: 'stop-listening' });
    await rig.hears('not-listening');
    const after = await open();
    after.write(requestFor('/small'));
    expect((await before.ask('/small')).status).toBe(200);
    expect(after.receivedBytes).toBe(0);
    expect(rig.board.total).toBe(1);
  });
});
