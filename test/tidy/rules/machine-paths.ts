import type { Finding } from '../finding.ts';
import type { SourceTree } from '../source-tree.ts';

/** The brackets keep each pattern from finding itself. */
const ofOneMachine: readonly RegExp[] = [
  /\/w[o]rk\//,
  /\/f[a]rm\//,
  /\/r[o]ot\/\./,
  /\.\.\/\.l[i]brary/,
  /r[e]gistry\.[a-z]+\.(org|com)/i,
  /d[e]b\.[a-z]+\.org/i,
];

/** The tree runs anywhere: no path of somebody's machine and no package registry is written into it. */
export function checkMachinePaths(tree: SourceTree): Finding[] {
  return tree.files.flatMap((file) => {
    const text = file.text;
    if (text === undefined || !ofOneMachine.some((pattern) => pattern.test(text))) return [];
    return text.split('\n').flatMap((line, index) => {
      const match = ofOneMachine.map((pattern) => pattern.exec(line)?.[0]).find((found) => found !== undefined);
      if (match === undefined) return [];
      return [
        {
          file: file.path,
          line: index + 1,
          rule: 'machine-paths',
          says: `names \`${match}\`, which belongs to one machine`,
          fix: 'use a path relative to the root of the tree, a temporary folder, or the settings of npm',
        },
      ];
    });
  });
}
