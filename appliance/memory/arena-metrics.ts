import type { Metrics } from '../../src/telemetry/metrics.ts';

/** What is counted of the memory that threads send from, with what the operator shall do about it. */
export function createArenaMetrics(metrics: Metrics, usage: () => ArenaUsage) {
  const gauge = (name: string, help: string, valueOf: (usage: ArenaUsage) => number): void => {
    metrics.gauge(name, help, [], (each) => each.set(valueOf(usage())));
  };
  gauge(
    'memory_capacity_bytes',
    'What blocks in shared memory may take: most of memoryBytes.',
    ({ capacityBytes }) => capacityBytes,
  );
  gauge(
    'memory_used_bytes',
    'What blocks in shared memory take. At the capacity they make room for each other: expected.',
    ({ usedBytes }) => usedBytes,
  );
  gauge(
    'memory_large_page_bytes',
    'Largest page that the kernel gives whole blocks in shared memory. 0: it gives none, and sending them costs half as much again; see deploy/systemd/README.md.',
    ({ largePageBytes }) => largePageBytes,
  );
  gauge('memory_blocks', 'Blocks in shared memory that can be sent.', ({ blocks }) => blocks);
  gauge(
    'memory_pins',
    'Bodies that are being sent from shared memory. Near the number of blocks: give it more memory.',
    ({ pins }) => pins,
  );
  gauge(
    'memory_leaving_blocks',
    'Blocks that were taken away while a body was sent from them. Rising for hours: a thread is broken, restart.',
    ({ leavingBlocks }) => leavingBlocks,
  );
  gauge('memory_objects', 'Objects that sending threads may answer for.', ({ objects }) => objects);
  return {
    loads: metrics.counter(
      'memory_loads_total',
      'Blocks that were to be brought into shared memory. refused: all of it was being sent, give it more; lost: see store_lost_blocks_total.',
      ['outcome'],
    ),
    evictions: metrics.counter(
      'memory_evictions_total',
      'Blocks that left shared memory for others. As many as loads: it is full. Many, beside a busy disk: give it more.',
    ),
  };
}

export type ArenaMetrics = ReturnType<typeof createArenaMetrics>;

export interface ArenaUsage {
  readonly capacityBytes: number;
  /** Pages in use, also by slots that are being filled or are left by their last readers. */
  readonly usedBytes: number;
  readonly blocks: number;
  readonly largePageBytes: number;
  /** How many bodies of all readers are at a block now. */
  readonly pins: number;
  /** Taken away, and still being sent. */
  readonly leavingBlocks: number;
  readonly objects: number;
}
