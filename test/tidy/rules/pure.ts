import type { Finding } from '../finding.ts';
import type { Import } from '../imports.ts';
import { areaOf, isPure, matchesAny, pureKernel, purePackages, purePaths } from '../layout.ts';
import type { SourceFile, SourceTree } from '../source-tree.ts';
import { childNode, childNodes, dottedName, type SyntaxNode, visitSyntax } from '../syntax.ts';

const pureBuiltins = new Set(['assert', 'assert/strict', 'crypto']);
const impureOwners = /^(console|process|performance|crypto)\.[^.]+$/;
const impureMembers = new Set(['Date.now', 'Math.random']);
const impureFunctions =
  /^(Date|fetch|setTimeout|setInterval|setImmediate|queueMicrotask|random(Bytes|Int|UUID|Fill|FillSync)|getRandomValues)$/;

/** Deciding code imports only deciding code, and asks neither clock, dice, disk, network nor log. */
export function checkPure(tree: SourceTree): Finding[] {
  return tree.code.filter((file) => isPure(file.path)).flatMap((file) => [...impureImports(file), ...impureUses(file)]);
}

/** A file that is renamed away from the list of pure ones would quietly stop being checked. */
export function checkPureList(tree: SourceTree): Finding[] {
  const present = (place: string) => tree.files.some((file) => matchesAny(file.path, [place]));
  return purePaths
    .filter((place) => !present(place))
    .map((place) => ({
      file: 'test/tidy/layout.ts',
      line: 1,
      rule: 'pure-list',
      says: `${place} is listed as pure and does not exist`,
      fix: 'write it, or follow its new name in purePaths',
    }));
}

function impureImports(file: SourceFile): Finding[] {
  return file.imports
    .filter((edge) => !mayImport(file.path, edge))
    .map((edge) =>
      finding(file, edge.start, `pure code imports ${nameTarget(edge)}`, {
        fix: `import only ${pureKernel.join(', ')} and pure files of the same service; take values as arguments`,
      }),
    );
}

function mayImport(from: string, { target }: Import): boolean {
  switch (target.kind) {
    case 'file':
      return matchesAny(target.path, pureKernel) || (areaOf(from) === areaOf(target.path) && isPure(target.path));
    case 'package':
      return purePackages.has(target.name);
    case 'builtin':
      return pureBuiltins.has(target.name);
    case 'outside':
    case 'unknown':
      return false;
  }
}

function impureUses(file: SourceFile): Finding[] {
  const found: Finding[] = [];
  if (file.syntax === undefined) return found;
  visitSyntax(file.syntax, (node) => {
    const name = impureUse(node);
    if (name === undefined) return;
    found.push(
      finding(file, node.start, `pure code uses \`${name}\``, {
        fix: 'take the time, the random number or the data as an argument; return what is to be logged',
      }),
    );
  });
  return found;
}

function impureUse(node: SyntaxNode): string | undefined {
  if (node.type === 'MemberExpression') {
    const name = dottedName(node);
    return name !== undefined && (impureMembers.has(name) || impureOwners.test(name)) ? name : undefined;
  }
  if (node.type !== 'CallExpression' && node.type !== 'NewExpression') return undefined;
  const callee = childNode(node, 'callee');
  const name = callee?.type === 'CallExpression' ? undefined : dottedName(callee);
  if (name === undefined || !impureFunctions.test(name)) return undefined;
  // A date made of a given number is a value; only the one made of nothing reads the clock.
  if (name === 'Date' && node.type === 'NewExpression' && childNodes(node, 'arguments').length > 0) return undefined;
  return name;
}

function nameTarget({ target }: Import): string {
  switch (target.kind) {
    case 'file':
      return target.path;
    case 'package':
      return `the package ${target.name}`;
    case 'builtin':
      return `node:${target.name}`;
    case 'outside':
      return target.specifier;
    case 'unknown':
      return 'a module named at run time';
  }
}

function finding(file: SourceFile, offset: number, says: string, { fix }: { fix: string }): Finding {
  return { file: file.path, line: file.lineAt(offset), rule: 'pure', says, fix };
}
