import { readdirSync, readFileSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { RunningNetwork } from './support/running-network.ts';

vi.setConfig({ testTimeout: 120_000 });

/** Processes whose command line names the folder. */
function processesOf(folder: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return line.includes(folder) ? [line] : [];
      } catch {
        // It ended while we looked.
        return [];
      }
    });
}

test.each(['origin and fill-planner', 'steering', 'appliances in two sites'])(
  'a network that is stopped while it starts its %s leaves no process behind',
  async (step) => {
    const network = RunningNetwork.create();
    let stopped: Promise<void> | undefined;
    const started = network.prepare((_share, current) => {
      // In the turn after, when the process has been started and is not yet ready.
      if (current !== step) return;
      setImmediate(() => {
        stopped = network.end();
      });
    });
    await expect(started).rejects.toThrow();
    await stopped;
    expect(processesOf(network.folder)).toEqual([]);
  },
);
