import { describe, expect, it } from 'vitest';
import { GrowingBody, type GrowingLimits, GrowthRoom } from '../../../../appliance/fill/origin/growing-body.ts';
import { FakeWorld } from '../../../support/fake-world.ts';

const KIB = 1024;
const MIB = 2 ** 20;

/** A body that the test writes; `pulled` counts how often it was asked for more. */
class Source {
  pulled = 0;
  isEnded = false;
  readonly #pieces: (Buffer | Error | undefined)[] = [];
  #wake: () => void = () => undefined;

  give(...pieces: (Buffer | Error | undefined)[]): void {
    this.#pieces.push(...pieces);
    this.#wake();
  }

  async *body(): AsyncGenerator<Buffer> {
    try {
      for (;;) {
        this.pulled += 1;
        while (this.#pieces.length === 0) {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
        const piece = this.#pieces.shift();
        if (piece === undefined) return;
        if (piece instanceof Error) throw piece;
        yield piece;
      }
    } finally {
      this.isEnded = true;
    }
  }
}

function growing(more: Partial<GrowingLimits> = {}) {
  const world = new FakeWorld();
  const room = new GrowthRoom(8 * MIB);
  const body = new GrowingBody('/a', { maxBytes: 4 * MIB, room, unreadMs: 1000, clock: world.clock, ...more });
  const source = new Source();
  return { body, source, room: more.room ?? room, world, grown: body.grow(source.body()) };
}

async function textOf(pieces: AsyncIterable<Buffer>): Promise<string> {
  const all: Buffer[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all).toString();
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a growing body', () => {
  it('is the same for all who read it, whenever they came, and whole at its end', async () => {
    const { body, source, room, grown } = growing();
    const early = textOf(body.read());
    source.give(Buffer.from('one '));
    await turn();
    const late = textOf(body.read());
    expect(room.usedBytes).toBeGreaterThan(0);
    source.give(Buffer.from('two'), undefined);
    expect((await grown)?.toString()).toBe('one two');
    expect([await early, await late]).toEqual(['one two', 'one two']);
    expect(room.usedBytes).toBe(0);
  });

  it('that breaks off breaks off for its readers, and is nothing', async () => {
    const { body, source, room, grown } = growing();
    const reading = textOf(body.read());
    source.give(Buffer.from('half'), new Error('gone'));
    expect(await grown).toBeUndefined();
    await expect(reading).rejects.toThrow('gone');
    expect([body.isJoinable, room.usedBytes]).toEqual([false, 0]);
  });

  it('beyond its limit is read no further than the furthest reader, and cannot be joined', async () => {
    const { body, source, grown } = growing({ maxBytes: MIB });
    const pieces = body.read()[Symbol.asyncIterator]();
    source.give(...Array.from({ length: 64 }, () => Buffer.alloc(128 * KIB)));
    await turn();
    expect(body.isJoinable).toBe(false);
    expect(source.pulled).toBeLessThan(20);
    for (let read = 0; read < 64; read += 1) expect((await pieces.next()).value).toHaveLength(128 * KIB);
    source.give(undefined);
    expect((await pieces.next()).done).toBe(true);
    expect(await grown).toBeUndefined();
  });

  it('cuts off who falls behind what is kept, and goes on for the others', async () => {
    const { body, source } = growing({ maxBytes: MIB });
    const slow = body.read()[Symbol.asyncIterator]();
    const fast = body.read()[Symbol.asyncIterator]();
    source.give(...Array.from({ length: 64 }, () => Buffer.alloc(128 * KIB)), undefined);
    for (let read = 0; read < 64; read += 1) await fast.next();
    expect((await fast.next()).done).toBe(true);
    await expect(slow.next()).rejects.toMatchObject({ code: 'OVERLOADED' });
  });

  it('ends when nobody is left to read what outgrew its limit', async () => {
    const { body, source, grown } = growing({ maxBytes: 2 * KIB });
    const reader = body.read();
    source.give(Buffer.alloc(2 * MIB));
    await turn();
    reader.leave();
    expect(await grown).toBeUndefined();
    expect(source.isEnded).toBe(true);
  });

  it('goes on without readers while it may become an object, but not for ever', async () => {
    const { body, source, world, grown } = growing();
    body.read().leave();
    source.give(Buffer.from('a'));
    await world.clock.advance(900);
    source.give(Buffer.from('b'));
    await world.clock.advance(200);
    source.give(Buffer.from('c'));
    expect(await grown).toBeUndefined();
    expect(source.isEnded).toBe(true);
  });

  it('takes no more room than all may have together, however small its pieces are', async () => {
    const room = new GrowthRoom(64 * KIB);
    const { body, source } = growing({ room });
    const pieces = body.read();
    source.give(...Array.from({ length: 1000 }, () => Buffer.from('x')), undefined);
    expect(await textOf(pieces)).toHaveLength(1000);
    expect(body.isJoinable).toBe(false);
    expect(room.usedBytes).toBe(0);
  });
});
