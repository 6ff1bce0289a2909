import { resolve } from 'node:path';
import { defineConfig } from 'vitest/config';

// A disk that hangs keeps threads of libuv's pool: tests have as many as the appliance, and forks inherit it.
process.env['UV_THREADPOOL_SIZE'] ??= '64';

// Forks, because tests start servers, native addons and children; two, because that is what the smallest machine has.
export default defineConfig({
  root: resolve(import.meta.dirname, '..'),
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    teardownTimeout: 10_000,
    reporters: ['default'],
  },
});
