import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openDirectorySource } from '../../../fill-planner/catalog/source/directory-source.ts';
import { temporaryFolder } from './demo-title.ts';

test('a directory that is not there is said to be missing on the machine of the planner, not of who asks', async () => {
  await using folder = await temporaryFolder();
  const missing = join(folder.path, 'nowhere');
  await expect(openDirectorySource(missing)).rejects.toThrow(`${missing}: no such directory on the planner's machine`);
});
