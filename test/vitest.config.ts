import { resolve } from 'node:path';
import { defineConfig } from 'vitest/config';

// A disk that hangs keeps threads of libuv's pool: tests have as many as the appliance, and forks inherit it.
process.env['UV_THREADPOOL_SIZE'] ??= '64';

// Hundreds of processes and threads start from the same TypeScript, and most of a start is stripping types and compiling.
// Node keeps both by content: a service starts in half the processor time (0.9 to 0.4 s), a volume in less than that.
process.env['NODE_COMPILE_CACHE'] ??= resolve(import.meta.dirname, '../node_modules/.cache/compiled');

// Services that tests start as processes of their own take the engine that is judged; those inside take it from test-engine.ts.
if (process.env['OCA_TEST_ENGINE'] !== undefined) process.env['OCA_ENGINE'] = process.env['OCA_TEST_ENGINE'];

// Forks, because tests start servers, native addons and children. The smallest machine has two processors, and three are
// at work there: those that start processes, play video or fill at a given rate wait for half of their time. Files need no
// order of their own: by size, as vitest sorts them, the last worker ends within seconds of the first. The time limits
// are there for what hangs: a machine with much else to do was seen to need ten times as long for anything.
export default defineConfig({
  root: resolve(import.meta.dirname, '..'),
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 3,
    testTimeout: 180_000,
    hookTimeout: 180_000,
    teardownTimeout: 10_000,
    reporters: ['default'],
  },
});
