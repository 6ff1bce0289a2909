import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../../support/until.ts';
import { patterned } from '../../support/gated-origin.ts';
import { RawClient, requestFor } from './raw-client.ts';
import { BLOCK_BYTES, hasWireThreads, WireRig } from './wire-rig.ts';

/** More than the kernel takes for a client that does not read: 4 MiB here and as much there. */
const FILM = patterned(24 * BLOCK_BYTES, 1);
const SMALL = patterned(5000, 2);

// Only where the calls of Linux can be had: elsewhere there are no wire threads.
describe.skipIf(!hasWireThreads)('how answers of a wire thread end, and what waits for the owner', () => {
  let rig: WireRig;
  const clients: RawClient[] = [];
  const open = async (): Promise<RawClient> => {
    const client = await RawClient.open(rig.port);
    clients.push(client);
    return client;
  };
  const start = async (limits = {}): Promise<void> => {
    rig = await WireRig.start({ limits });
    await rig.hold('/film.mp4', FILM);
    await rig.hold('/small', SMALL);
  };
  const wants = () => rig.said.flatMap((message) => (message.kind === 'want' ? [message] : []));
  const noMore = () => rig.said.filter(({ kind }) => kind === 'want-no-more').length;
  /** Nothing is in hand, held or asked for any more. */
  const isAtRest = (): boolean => rig.load.active === 0 && rig.pins === 0 && rig.board.total === 0;

  beforeEach(() => start());
  afterEach(async () => {
    for (const { socket } of clients.splice(0)) socket.destroy();
    await rig.stop();
  });

  it('a client that resets in the middle of a body leaves nothing behind', async () => {
    const client = await open();
    client.write(requestFor('/film.mp4'));
    await until(() => client.receivedBytes > 100_000);
    client.socket.resetAndDestroy();
    await until(isAtRest);
    await until(() => rig.outcomes.abandoned('client-left') === 1);
    expect(rig.outcomes.views).toMatchObject([{ ending: 'left' }]);
    expect(rig.outcomes.bytes).toBeLessThan(FILM.length);
    expect(noMore()).toBe(1);
  });

  it('a client that closes its side gets what it asked for, however late it reads, and then the end', async () => {
    const [short, long] = await Promise.all([open(), open()]);
    short.socket.end(Buffer.from(requestFor('/small') + requestFor('/small')));
    for (let answer = 0; answer < 2; answer += 1) expect((await short.answer()).body.equals(SMALL)).toBe(true);
    expect(await short.ended).toBe('end');
    long.socket.pause();
    long.socket.end(Buffer.from(requestFor('/film.mp4')));
    await until(() => rig.pins > 0);
    long.socket.resume();
    expect((await long.answer()).body.equals(FILM)).toBe(true);
    expect(await long.ended).toBe('end');
    await until(isAtRest);
    expect(rig.outcomes.abandoned('client-left')).toBe(0);
  });

  it('a client that closes its side and then leaves is let go of when its kernel says so', async () => {
    const client = await open();
    client.socket.pause();
    client.socket.end(Buffer.from(requestFor('/film.mp4')));
    await until(() => rig.pins > 0);
    client.socket.destroy();
    await until(isAtRest);
    await until(() => rig.outcomes.abandoned('client-left') === 1);
  });

  it('half a head and no more is for the reference engine to answer', async () => {
    const client = await open();
    client.socket.end(Buffer.from('GET /small HTTP/1.1\r\nHo'));
    const over = await rig.hears('over');
    expect(Buffer.from(over.bytes).toString('latin1')).toBe('GET /small HTTP/1.1\r\nHo');
    expect(over).toMatchObject({ isOneHead: false, because: 'head' });
  });

  it('a client that takes nothing, or too little, is reset', async () => {
    await rig.stop();
    await start({ sendStallMs: 500, minClientBytesPerSec: 1e9 });
    const [deaf, slow] = await Promise.all([open(), open()]);
    deaf.socket.pause();
    deaf.write(requestFor('/film.mp4'));
    // Reads on and on, but not a gigabyte per second.
    slow.write(requestFor('/film.mp4'));
    slow.socket.pause();
    const sips = setInterval(() => void slow.socket.read(64 * 1024), 10);
    await until(() => rig.outcomes.abandoned('client-slow') === 2);
    clearInterval(sips);
    expect(isAtRest()).toBe(true);
    deaf.socket.resume();
    expect(await deaf.ended).toBe('ECONNRESET');
  });

  it('a purge counts the bodies that are being sent, and resets them where it is asked to', async () => {
    const [film, other] = await Promise.all([open(), open()]);
    for (const client of [film, other]) client.socket.pause();
    film.write(requestFor('/film.mp4'));
    other.write(requestFor('/film.mp4?other'));
    await rig.hears('over').catch(() => undefined);
    await until(() => rig.pins > 0);
    rig.post({ kind: 'running', ticket: 7, rule: { by: 'prefix', prefix: '/film' }, cut: false });
    expect(await rig.hears('running')).toEqual({ kind: 'running', ticket: 7, bodies: 1 });
    rig.post({ kind: 'running', ticket: 8, rule: { by: 'key', key: '/other' }, cut: true });
    expect(await rig.hears('running', 2)).toMatchObject({ bodies: 0 });
    rig.post({ kind: 'running', ticket: 9, rule: { by: 'key', key: '/film.mp4' }, cut: true });
    expect(await rig.hears('running', 3)).toMatchObject({ bodies: 1 });
    film.socket.resume();
    expect(await film.ended).toBe('ECONNRESET');
    await until(() => rig.outcomes.abandoned('purged') === 1);
  });

  it('a long body is held by a grip, sent whole, and let go', async () => {
    const client = await open();
    expect((await client.ask('/film.mp4')).body.equals(FILM)).toBe(true);
    expect(wants()).toMatchObject([{ key: '/film.mp4', firstBlock: 0, lastBlock: 23, isBegun: false }]);
    await until(() => noMore() === 1 && rig.pins === 0);
    await until(() => rig.outcomes.requests === 1);
    expect(rig.outcomes).toMatchObject({ bytes: FILM.length, blocks: 24 });
  });

  it('blocks that are not in memory are asked for ahead, and the body waits for them; others go on', async () => {
    await rig.hold('/cold.mp4', FILM, false);
    const [cold, hot] = await Promise.all([open(), open()]);
    rig.isHeld = true;
    cold.write(requestFor('/cold.mp4'));
    // What is shown, then which bytes: two questions, each waits.
    for (const kind of ['want-object', 'want'] as const) {
      await until(() => rig.questions.some((question) => question.kind === kind));
      expect((await hot.ask('/small')).status).toBe(200);
      expect(cold.receivedBytes).toBe(0);
      await rig.answer();
    }
    await until(() => rig.questions.some((question) => question.kind === 'want' && question.isBegun));
    expect((await hot.ask('/small')).status).toBe(200);
    rig.isHeld = false;
    await rig.answer();
    expect((await cold.answer()).body.equals(FILM)).toBe(true);
    const begun = wants().filter(({ isBegun }) => isBegun);
    expect(begun.map(({ firstBlock }) => firstBlock)).toEqual(Array.from({ length: 23 }, (_, at) => at + 1));
    expect(new Set(wants().map(({ ticket }) => ticket)).size).toBe(1);
    await until(() => noMore() === 1);
  });

  it('a block that cannot be had in the middle of a body ends it with a reset, never short', async () => {
    await rig.hold('/cold.mp4', FILM, false);
    rig.lost.add('/cold.mp4 3');
    const client = await open();
    client.write(requestFor('/cold.mp4'));
    expect(await client.ended).toBe('ECONNRESET');
    await until(() => rig.outcomes.abandoned('source-failed') === 1);
    expect(rig.outcomes.bytes).toBeLessThanOrEqual(3 * BLOCK_BYTES);
    await until(isAtRest);
    expect(noMore()).toBe(1);
  });

  it('a block that does not come in time ends the body, and a question without an answer goes over', async () => {
    await rig.stop();
    await start({ readerTimeoutMs: 300 });
    await rig.hold('/cold.mp4', FILM, false);
    const [begun, waiting] = await Promise.all([open(), open()]);
    begun.write(requestFor('/cold.mp4'));
    await until(() => wants().length > 0);
    rig.isHeld = true;
    expect(await begun.ended).toBe('ECONNRESET');
    waiting.write(requestFor('/nowhere'));
    expect(await rig.hears('over')).toMatchObject({ isOneHead: true, because: 'not-published' });
    await until(() => noMore() === 2);
    await rig.answer();
  });

  it('what the owner does not have goes over with its bytes, and with those behind it', async () => {
    const client = await open();
    const text = requestFor('/unknown') + requestFor('/small');
    client.write(text);
    const over = await rig.hears('over');
    expect(Buffer.from(over.bytes).toString('latin1')).toBe(text);
    expect(over).toMatchObject({ isOneHead: false, because: 'not-published' });
    expect(rig.load.active).toBe(0);
  });

  it('who leaves while the owner looks is forgotten, and so is the answer', async () => {
    rig.isHeld = true;
    const client = await open();
    client.write(requestFor('/unknown'));
    await until(() => rig.questions.length === 1);
    client.socket.resetAndDestroy();
    await until(() => noMore() === 1 && isAtRest());
    const next = await open();
    await rig.answer();
    rig.isHeld = false;
    expect((await next.ask('/small')).body.equals(SMALL)).toBe(true);
    await until(() => rig.outcomes.abandoned('client-left') === 1);
  });

  it('a stop ends idle connections at once, lets answers end, and answers who had just connected', async () => {
    // First, so that it was accepted when the others are.
    const fresh = await open();
    const [idle, ending] = await Promise.all([open(), open()]);
    expect((await idle.ask('/small')).status).toBe(200);
    ending.socket.pause();
    ending.write(requestFor('/film.mp4'));
    await until(() => noMore() === 0 && rig.pins > 0);
    rig.post({ kind: 'stop', deadlineMs: 60_000 });
    expect(await idle.ended).toBe('end');
    ending.socket.resume();
    expect((await ending.answer()).body.equals(FILM)).toBe(true);
    expect(await ending.ended).toBe('end');
    expect((await fresh.ask('/small')).head).toContain('\r\nConnection: close');
    expect(await fresh.ended).toBe('end');
    await rig.hears('stopped');
  });

  it('what still runs at the deadline of a stop is reset', async () => {
    const stuck = await open();
    stuck.socket.pause();
    stuck.write(requestFor('/film.mp4'));
    await until(() => rig.pins > 0);
    rig.post({ kind: 'stop', deadlineMs: 100 });
    await rig.hears('stopped');
    expect(isAtRest()).toBe(true);
    stuck.socket.resume();
    expect(await stuck.ended).toBe('ECONNRESET');
  });
});
