import { arch, cpus, loadavg, release, totalmem } from 'node:os';

/** What a result must say of where it was measured. The load is that of the last minute, ours included. */
export function describeMachine() {
  return {
    processor: cpus()[0]?.model,
    cores: cpus().length,
    memoryBytes: totalmem(),
    kernel: release(),
    arch: arch(),
    node: process.version,
    loadAverage: Math.round((loadavg()[0] ?? 0) * 10) / 10,
  };
}
