import { describe, expect, it } from 'vitest';
import { ConnectionBoard } from '../../../appliance/fast-path/connection-board.ts';
import { LoadBoard } from '../../../appliance/fast-path/load-board.ts';
import { CLOSED } from '../../../appliance/fast-path/wire/connection.ts';
import { ConnectionTable } from '../../../appliance/fast-path/wire/connection-table.ts';

describe('the board of connections', () => {
  const limits = { maxConnections: 3, maxConnectionsPerAddress: 2 };

  it('counts in total and by network, for all who look at the same memory', () => {
    const memory = ConnectionBoard.allocate(5);
    const [one, other] = [new ConnectionBoard(memory, limits), new ConnectionBoard(memory, limits)];
    const [a, b] = [one.counterOf('192.0.2.1'), one.counterOf('192.0.2.2')];
    expect(other.counterOf('::ffff:192.0.2.1')).toBe(a);
    expect(one.counterOf('2001:db8::1')).toBe(one.counterOf('2001:db8:0:0:ffff::9'));
    expect(one.counterOf('2001:db8::1')).not.toBe(one.counterOf('2001:db8:0:1::1'));
    expect([one.enter(a), other.enter(a), one.enter(a)]).toEqual([undefined, undefined, 'connections-of-address']);
    expect([other.total, other.enter(b), one.enter(b)]).toEqual([2, undefined, 'connections']);
    other.leave(a);
    expect([one.total, one.enter(a), one.total]).toEqual([2, undefined, 3]);
  });

  it('spreads networks over its counters, in another way for each key', () => {
    const [one, other] = [1, 2].map((key) => new ConnectionBoard(ConnectionBoard.allocate(key), limits));
    const counters = new Set<number | undefined>();
    let alike = 0;
    for (let at = 0; at < 10_000; at += 1) {
      const address = `10.${at % 7}.${at >> 8}.${at & 255}`;
      counters.add(one?.counterOf(address));
      if (one?.counterOf(address) === other?.counterOf(address)) alike += 1;
    }
    // By chance 9285 of 65536 are met.
    expect(counters.size).toBeGreaterThan(9100);
    expect(alike).toBeLessThan(10);
  });

  it('sets no limit by address where that is 0', () => {
    const board = new ConnectionBoard(ConnectionBoard.allocate(1), { maxConnections: 9, maxConnectionsPerAddress: 0 });
    expect(Array.from({ length: 9 }, () => board.enter(7)).every((refusal) => refusal === undefined)).toBe(true);
  });
});

describe('the board of load', () => {
  it('adds up what all threads have in hand, and says when it is enough', () => {
    for (const threads of [1, 2, 3, 8, 64]) {
      const memory = LoadBoard.allocate(threads);
      const boards = Array.from({ length: threads }, (_, number) => new LoadBoard(memory, number, threads));
      for (const [number, board] of boards.entries()) {
        expect(board.isFull).toBe(false);
        board.requestBegan();
        board.sent(2 ** 40 + number);
      }
      for (const [number, board] of boards.entries()) {
        expect(board.isFull).toBe(true);
        expect(boards[0]?.sentOf(number)).toBe(2 ** 40 + number);
      }
      boards[0]?.requestEnded();
      expect(boards[threads - 1]?.isFull).toBe(false);
      expect(boards[0]?.active).toBe(threads - 1);
    }
  });

  it('says who has more than its share of the connections, and never that of all', () => {
    const memory = LoadBoard.allocate(3);
    const [one, other] = [new LoadBoard(memory, 0, 10), new LoadBoard(memory, 1, 10)];
    expect([one.hasMoreThanItsShare, other.hasMoreThanItsShare]).toEqual([false, false]);
    one.connections = 8;
    expect([one.hasMoreThanItsShare, other.hasMoreThanItsShare]).toEqual([false, false]);
    one.connections = 100;
    expect([one.hasMoreThanItsShare, other.hasMoreThanItsShare]).toEqual([true, false]);
    other.connections = 85;
    expect([one.hasMoreThanItsShare, other.hasMoreThanItsShare]).toEqual([false, false]);
    const alone = new LoadBoard(LoadBoard.allocate(2), 0, 10);
    alone.connections = 1000;
    expect(alone.hasMoreThanItsShare).toBe(false);
  });

  it('is full while the owner says that egress is', () => {
    const memory = LoadBoard.allocate(2);
    const [wire, owner] = [new LoadBoard(memory, 0, 10), new LoadBoard(memory, 1, 10)];
    owner.isEgressFull = true;
    expect(wire.isFull).toBe(true);
    owner.isEgressFull = false;
    expect(wire.isFull).toBe(false);
    wire.requestBegan();
    owner.forget(0);
    expect(owner.active).toBe(0);
  });
});

describe('the table of connections', () => {
  it('does not find a connection that has ended by the number that it had', () => {
    const table = new ConnectionTable();
    const first = table.take();
    first.begin(7, '192.0.2.1', 1, 1);
    const { index, generation } = first;
    expect(table.find(index, generation)).toBe(first);
    first.state = CLOSED;
    table.release(first);
    expect(table.find(index, generation)).toBeUndefined();
    // The next one has its place, and the same descriptor.
    const next = table.take();
    next.begin(7, '192.0.2.2', 1, 1);
    expect(next.index).toBe(index);
    expect(table.find(index, generation)).toBeUndefined();
    expect(table.find(index, next.generation)).toBe(next);
    expect([table.size, table.capacity]).toEqual([1, 1]);
  });
});
