import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { parameterDocument } from '../../src/cli/config-command.ts';

const page = join(resolve(import.meta.dirname, '../..'), 'deploy/config/parameters.md');

it("the operators' page of parameters is what the tables say; 'npx oca config > deploy/config/parameters.md' renews it", async () => {
  expect(readFileSync(page, 'utf8')).toBe(await parameterDocument());
});
