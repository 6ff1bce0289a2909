import type { Finding } from '../finding.ts';
import type { SourceTree } from '../source-tree.ts';

const maxLines = 400;

/** A file can be read in one sitting. */
export function checkFileLength(tree: SourceTree): Finding[] {
  return tree.code.flatMap((file) => {
    const lines = file.text?.replace(/\n$/, '').split('\n').length ?? 0;
    if (lines <= maxLines) return [];
    return [
      {
        file: file.path,
        line: maxLines + 1,
        rule: 'file-length',
        says: `has ${lines} lines, ${lines - maxLines} too many`,
        fix: 'find its second subject and give that a file',
      },
    ];
  });
}

/** What does not parse cannot be judged by the other rules, so it must not pass for clean. */
export function checkParses(tree: SourceTree): Finding[] {
  return tree.code.flatMap(({ path, parseError }) =>
    parseError === undefined
      ? []
      : [{ file: path, line: 1, rule: 'parses', says: parseError.replaceAll('\n', ' '), fix: 'mend the syntax' }],
  );
}
