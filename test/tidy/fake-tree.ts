import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Finding } from './finding.ts';
import type { Rule } from './rule-table.ts';
import { readSourceTree } from './source-tree.ts';

/** Writes the files (path to content) into a folder of their own, lets `use` look at it, and removes it again. */
export async function withFolder<T>(
  files: Readonly<Record<string, string>>,
  use: (root: string) => T,
): Promise<Awaited<T>> {
  const root = await mkdtemp(path.join(os.tmpdir(), 'oca-tidy-'));
  try {
    for (const [filePath, text] of Object.entries(files)) {
      await mkdir(path.dirname(path.join(root, filePath)), { recursive: true });
      await writeFile(path.join(root, filePath), text);
    }
    return await use(root);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

/** What a rule finds in a tree of these files. */
export function findIn(rule: Rule, files: Readonly<Record<string, string>>): Promise<Finding[]> {
  return withFolder(files, (root) => rule(readSourceTree(root)));
}

/** `path:line` of each finding, for short expectations. */
export function placesOf(findings: readonly Finding[]): string[] {
  return findings.map(({ file, line }) => `${file}:${line}`);
}
