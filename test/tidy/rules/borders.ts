import type { Finding } from '../finding.ts';
import type { Import } from '../imports.ts';
import { areaOf, isProduct, services, startableEntries } from '../layout.ts';
import type { SourceFile, SourceTree } from '../source-tree.ts';

type Broken = Pick<Finding, 'says' | 'fix'>;

/** Who may import whom: services apart, the kernel below them, tests, benches and installation outside. */
export function checkBorders(tree: SourceTree): Finding[] {
  return tree.code.flatMap((file) =>
    file.imports.flatMap((edge) => {
      const broken = brokenByTarget(tree, file, edge);
      return broken === undefined
        ? []
        : [{ file: file.path, line: file.lineAt(edge.start), rule: 'borders', ...broken }];
    }),
  );
}

function brokenByTarget(tree: SourceTree, file: SourceFile, edge: Import): Broken | undefined {
  const { target } = edge;
  switch (target.kind) {
    case 'file':
      return brokenByFile(file.path, target.path, edge);
    case 'package':
      return brokenByPackage(tree, file.path, target.name);
    case 'builtin':
      return brokenContract(file.path, `node:${target.name}`, target.name === 'crypto');
    case 'outside':
      return {
        says: `imports \`${target.specifier}\`, which is not part of this tree`,
        fix: 'bring what is needed into the tree, or depend on a package',
      };
    case 'unknown':
      if (!isProduct(file.path)) return undefined;
      return {
        says: 'imports a module whose name is only known at run time, so nobody can tell what it reaches',
        fix: 'write a table of `() => import("./literal.ts")`',
      };
  }
}

function brokenByFile(from: string, to: string, edge: Import): Broken | undefined {
  const [fromArea, toArea] = [areaOf(from), areaOf(to)];
  if (fromArea === 'src' && toArea !== 'src') return brokenKernel(from, to, edge);
  if (services.includes(fromArea) && services.includes(toArea) && fromArea !== toArea) {
    return {
      says: `${fromArea} imports ${to}: services never import each other`,
      fix: 'say it over HTTP with a contract of src/contracts, or move what both need to src/<duty>/',
    };
  }
  if (services.includes(fromArea) && toArea !== fromArea && toArea !== 'src') {
    return { says: `product code imports ${to}`, fix: 'move what the product needs into src/ or the service' };
  }
  if (fromArea === 'deploy' && toArea === 'test') {
    return { says: `deploy imports ${to}`, fix: 'move the mechanism to deploy/ and let the test import it from there' };
  }
  return brokenContract(from, to, to.startsWith('src/contracts/'));
}

function brokenKernel(from: string, to: string, edge: Import): Broken | undefined {
  const startsEntry = startableEntries.has(to) && (edge.form === 'dynamic' || edge.form === 'url');
  if (from.startsWith('src/cli/') && startsEntry) return undefined;
  return {
    says: `the kernel imports ${to}: src knows no service`,
    fix: from.startsWith('src/cli/')
      ? `start an entry (${[...startableEntries].join(', ')}) by \`await import(...)\``
      : 'turn it round: let the service pass in what src needs',
  };
}

function brokenByPackage(tree: SourceTree, from: string, name: string): Broken | undefined {
  if (!isProduct(from)) return undefined;
  if (tree.manifest.devDependencies.has(name)) {
    return {
      says: `product code imports \`${name}\`, a dev dependency, absent where the product is installed`,
      fix: 'use it in test, bench or deploy/demo only, or move it to "dependencies"',
    };
  }
  if (!tree.manifest.dependencies.has(name)) {
    return { says: `imports \`${name}\`, which package.json does not name`, fix: 'add it to "dependencies", pinned' };
  }
  return brokenContract(from, name, name === 'zod');
}

/** What processes say to each other must be readable by anybody: it stands on nothing but zod and a hash. */
function brokenContract(from: string, to: string, allowed: boolean): Broken | undefined {
  if (!from.startsWith('src/contracts/') || allowed) return undefined;
  return {
    says: `a contract imports ${to}; contracts import nothing outside src/contracts but zod and node:crypto`,
    fix: 'keep type, schema and parse here, and move the rest to who uses the contract',
  };
}
