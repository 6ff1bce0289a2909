import type { Finding } from '../finding.ts';
import type { Import } from '../imports.ts';
import type { SourceFile, SourceTree } from '../source-tree.ts';

/**
 * No file reaches itself through its imports, erased and dynamic ones included: either hides a knot, none unties it.
 * The entry of a worker is a program of its own, so naming it is not importing it.
 */
export function checkCycles(tree: SourceTree): Finding[] {
  const files = new Map(tree.code.map((file) => [file.path, file]));
  const reported = new Set<string>();
  return tree.code.flatMap((file) => {
    if (reported.has(file.path)) return [];
    const cycle = shortestCycle(file, files);
    if (cycle === undefined) return [];
    for (const member of cycle) reported.add(member);
    const first = edgesOf(file).find(({ path }) => path === (cycle[1] ?? file.path));
    return [
      {
        file: file.path,
        line: file.lineAt(first?.edge.start ?? 0),
        rule: 'cycles',
        says: `imports itself by ${[...cycle, file.path].join(' -> ')}`,
        fix: 'move what both ends need to a file below both',
      },
    ];
  });
}

/** The files of the shortest way from `start` back to itself, `start` first; undefined when there is none. */
function shortestCycle(start: SourceFile, files: ReadonlyMap<string, SourceFile>): string[] | undefined {
  const cameFrom = new Map<string, string | undefined>([[start.path, undefined]]);
  const queue = [start.path];
  for (const current of queue) {
    const file = files.get(current);
    if (file === undefined) continue;
    for (const { path } of edgesOf(file)) {
      if (path === start.path) return wayTo(current, cameFrom);
      if (cameFrom.has(path)) continue;
      cameFrom.set(path, current);
      queue.push(path);
    }
  }
  return undefined;
}

function wayTo(end: string, cameFrom: ReadonlyMap<string, string | undefined>): string[] {
  const way: string[] = [];
  for (let at: string | undefined = end; at !== undefined; at = cameFrom.get(at)) way.unshift(at);
  return way;
}

function edgesOf(file: SourceFile): { readonly path: string; readonly edge: Import }[] {
  return file.imports.flatMap((edge) =>
    edge.target.kind === 'file' && edge.form !== 'url' ? [{ path: edge.target.path, edge }] : [],
  );
}
