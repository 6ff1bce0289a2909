import { describe, expect, it } from 'vitest';
import { BlockFlight } from '../../../../appliance/fill/blocks/block-flight.ts';

const never = new AbortController().signal;
const bytes = (text: string): Buffer => Buffer.from(text);

describe('a block on its way in', () => {
  it('shows each byte as it arrives, from wherever a reader stands', async () => {
    const flight = new BlockFlight(0, 6, false, 'viewers');
    const waiting = flight.beyond(0, never);
    flight.append(bytes('ab'));
    expect(Buffer.from(await waiting).toString()).toBe('ab');
    const late = flight.beyond(2, never);
    flight.append(bytes('cd'));
    expect(Buffer.from(await late).toString()).toBe('cd');
    expect(Buffer.from(await flight.beyond(1, never)).toString()).toBe('bcd');
  });

  it('takes no more than its length', () => {
    const flight = new BlockFlight(0, 3, false, 'viewers');
    expect(flight.append(bytes('abcdef'))).toBe(3);
    expect(flight.isFull).toBe(true);
  });

  it('that must be verified shows nothing before it is', async () => {
    const flight = new BlockFlight(0, 2, true, 'viewers');
    let seen = false;
    const waiting = flight.beyond(0, never).then((piece) => {
      seen = true;
      return piece;
    });
    flight.append(bytes('xx'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(seen).toBe(false);
    flight.restart();
    flight.append(bytes('ok'));
    flight.complete();
    expect(Buffer.from(await waiting).toString()).toBe('ok');
  });

  it('cannot take back what readers may have seen', () => {
    const flight = new BlockFlight(0, 2, false, 'viewers');
    flight.append(bytes('x'));
    expect(() => flight.restart()).toThrow();
  });

  it('that fails tells all who wait, after they have had what had come', async () => {
    const flight = new BlockFlight(0, 4, false, 'viewers');
    flight.append(bytes('ab'));
    const waiting = flight.beyond(2, never);
    flight.fail(new Error('gone'));
    await expect(waiting).rejects.toThrow('gone');
    await expect(flight.whole(never)).rejects.toThrow('gone');
    await expect(flight.kept).rejects.toThrow('gone');
    expect(Buffer.from(await flight.beyond(0, never)).toString()).toBe('ab');
  });

  it('lets a reader go who has left', async () => {
    const flight = new BlockFlight(0, 4, false, 'viewers');
    const left = new AbortController();
    const waiting = flight.beyond(0, left.signal);
    left.abort(new Error('left'));
    await expect(waiting).rejects.toThrow('left');
    flight.append(bytes('abcd'));
    flight.complete();
    await flight.whole(never);
  });

  it('keeps nothing of readers who left, though no byte ever comes', async () => {
    const flight = new BlockFlight(0, 4, false, 'viewers');
    const leaving = Array.from({ length: 50 }, async () => {
      const left = new AbortController();
      const waiting = flight.beyond(0, left.signal);
      expect(flight.isAwaited).toBe(true);
      left.abort(new Error('left'));
      await expect(waiting).rejects.toThrow('left');
    });
    await Promise.all(leaving);
    expect(flight.waiterCount).toBe(0);
    expect(flight.isAwaited).toBe(false);
  });
});
