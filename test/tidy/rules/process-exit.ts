import type { Finding } from '../finding.ts';
import { isProduct, matchesAny } from '../layout.ts';
import type { SourceFile, SourceTree } from '../source-tree.ts';
import { childNode, childNodes, dottedName, literalText, type SyntaxNode, visitSyntax } from '../syntax.ts';

const mayExit = ['src/cli/', 'src/lifecycle/run-service.ts'];
const exits = new Set(['process.exit', 'process.reallyExit', 'process.abort']);

/** One place ends a service, after the drain; anywhere else it would cut answers and leave stores open. */
export function checkProcessExit(tree: SourceTree): Finding[] {
  return tree.code.filter((file) => isProduct(file.path) && !matchesAny(file.path, mayExit)).flatMap(exitsIn);
}

function exitsIn(file: SourceFile): Finding[] {
  const found: Finding[] = [];
  if (file.syntax === undefined) return found;
  visitSyntax(file.syntax, (node) => {
    const name = node.type === 'MemberExpression' ? dottedName(node) : importedExit(node);
    if (name === undefined || !exits.has(name)) return;
    found.push({
      file: file.path,
      line: file.lineAt(node.start),
      rule: 'process-exit',
      says: `uses \`${name}\``,
      fix: 'throw, or ask the service to stop; src/lifecycle/run-service.ts exits when it has drained',
    });
  });
  return found;
}

function importedExit(node: SyntaxNode): string | undefined {
  if (node.type !== 'ImportDeclaration') return undefined;
  if (!/^(node:)?process$/.test(literalText(childNode(node, 'source')) ?? '')) return undefined;
  return childNodes(node, 'specifiers')
    .map((specifier) => `process.${String(childNode(specifier, 'imported')?.['name'])}`)
    .find((name) => exits.has(name));
}
