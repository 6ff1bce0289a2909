import type { Finding } from '../finding.ts';
import { areaOf, compositionRootFloor, floorOf } from '../layout.ts';
import type { SourceTree } from '../source-tree.ts';

/** Inside a service imports point down: main, composition root, what answers, fill, store and memory. */
export function checkLayers(tree: SourceTree): Finding[] {
  return tree.code.flatMap((file) =>
    file.imports.flatMap((edge) => {
      if (edge.target.kind !== 'file' || !pointsUp(file.path, edge.target.path)) return [];
      return [
        {
          file: file.path,
          line: file.lineAt(edge.start),
          rule: 'layers',
          says: `imports ${edge.target.path}, which stands above it`,
          fix: 'pass what is needed down as an argument, or move the type to the lower file',
        },
      ];
    }),
  );
}

function pointsUp(from: string, to: string): boolean {
  const [fromFloor, toFloor] = [floorOf(from), floorOf(to)];
  if (areaOf(from) !== areaOf(to) || toFloor === undefined) return false;
  return fromFloor === undefined ? toFloor <= compositionRootFloor : toFloor < fromFloor;
}
