import { describe, expect, it } from 'vitest';
import { collectBody } from '../../../../appliance/fill/origin/collect-body.ts';
import { FakeClock } from '../../../support/fake-world.ts';

async function* pieces(...texts: readonly string[]): AsyncGenerator<Buffer> {
  for (const text of texts) yield Buffer.from(text);
}

async function readAll(body: AsyncIterable<Buffer>): Promise<string> {
  let text = '';
  for await (const piece of body) text += piece.toString();
  return text;
}

describe('a body of unknown length', () => {
  const limits = { maxBytes: 10, maxWaitMs: 1000, clock: new FakeClock(0) };

  it('that ends soon is given whole', async () => {
    const collected = await collectBody(pieces('ab', 'cd'), limits);
    expect(collected.kind === 'ended' && Buffer.from(collected.bytes).toString()).toBe('abcd');
  });

  it('that is too large goes on with nothing lost', async () => {
    const collected = await collectBody(pieces('abcdef', 'ghijkl', 'mno'), limits);
    if (collected.kind !== 'open') throw new Error('ended');
    expect(await readAll(collected.body)).toBe('abcdefghijklmno');
  });

  it('that takes too long goes on with nothing lost', async () => {
    const gate = Promise.withResolvers<void>();
    const slow = (async function* () {
      yield Buffer.from('ab');
      await gate.promise;
      yield Buffer.from('cd');
    })();
    const clock = new FakeClock(0);
    const collecting = collectBody(slow, { ...limits, clock });
    await clock.advance(1000);
    const collected = await collecting;
    if (collected.kind !== 'open') throw new Error('ended');
    const reading = readAll(collected.body);
    gate.resolve();
    expect(await reading).toBe('abcd');
  });

  it('that fails late fails for who reads on, and is ended by who does not', async () => {
    let ended = false;
    const failing = (async function* () {
      try {
        yield Buffer.from('abcdefghijk');
        throw new Error('broke off');
      } finally {
        ended = true;
      }
    })();
    const collected = await collectBody(failing, limits);
    if (collected.kind !== 'open') throw new Error('ended');
    await expect(readAll(collected.body)).rejects.toThrow('broke off');
    expect(ended).toBe(true);
  });
});
