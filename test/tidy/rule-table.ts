import type { Finding } from './finding.ts';
import { checkBorders } from './rules/borders.ts';
import { checkCycles } from './rules/cycles.ts';
import { checkFileLength, checkParses } from './rules/file-length.ts';
import { checkFileNames } from './rules/file-names.ts';
import { checkLayers } from './rules/layers.ts';
import { checkMachinePaths } from './rules/machine-paths.ts';
import { checkProcessExit } from './rules/process-exit.ts';
import { checkPure, checkPureList } from './rules/pure.ts';
import { checkSkippedTests } from './rules/skipped-tests.ts';
import { checkSwitchedOffChecks } from './rules/switched-off-checks.ts';
import { checkWrappers } from './rules/wrappers.ts';
import type { SourceTree } from './source-tree.ts';

/** A rule of our own: looks at the whole tree, changes nothing, gives every place that breaks it. */
export type Rule = (tree: SourceTree) => Finding[];

/** The rules of the house that no other tool knows, by the name that their findings carry. */
export const rules: ReadonlyMap<string, Rule> = new Map([
  ['parses', checkParses],
  ['borders', checkBorders],
  ['layers', checkLayers],
  ['pure', checkPure],
  ['pure-list', checkPureList],
  ['wrappers', checkWrappers],
  ['cycles', checkCycles],
  ['file-names', checkFileNames],
  ['file-length', checkFileLength],
  ['process-exit', checkProcessExit],
  ['machine-paths', checkMachinePaths],
  ['skipped-tests', checkSkippedTests],
  ['switched-off-checks', checkSwitchedOffChecks],
]);
