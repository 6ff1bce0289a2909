import type { Finding } from '../finding.ts';
import type { Import } from '../imports.ts';
import { isProduct, unwrappedPackages } from '../layout.ts';
import type { SourceFile, SourceTree } from '../source-tree.ts';

interface Use {
  readonly file: SourceFile;
  readonly edge: Import;
}

/** One product file wraps each package, so that replacing it, or translating its errors, happens in one place. */
export function checkWrappers(tree: SourceTree): Finding[] {
  const usesByPackage = Map.groupBy(
    tree.code.filter((file) => isProduct(file.path)).flatMap((file) => file.imports.map((edge) => ({ file, edge }))),
    ({ edge }) => (edge.target.kind === 'package' ? edge.target.name : ''),
  );
  return [...usesByPackage]
    .filter(([name]) => name !== '' && !unwrappedPackages.has(name))
    .flatMap(([name, uses]) => extraImporters(name, uses));
}

function extraImporters(name: string, uses: readonly Use[]): Finding[] {
  // The file that runs the package is the wrapper, not one that only borrows a type.
  const wrapper = (uses.find(({ edge }) => edge.form !== 'type') ?? uses[0])?.file;
  return uses
    .filter(({ file }) => file !== wrapper)
    .map(({ file, edge }) => ({
      file: file.path,
      line: file.lineAt(edge.start),
      rule: 'wrappers',
      says: `imports \`${name}\`, and so does ${wrapper?.path}`,
      fix: `let one file wrap ${name}, and import from that file what is needed of it, types too`,
    }));
}
