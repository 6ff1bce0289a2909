import { isBuiltin } from 'node:module';
import path from 'node:path';
import { childNode, childNodes, dottedName, literalText, type SyntaxNode, visitSyntax } from './syntax.ts';

/** What an import points at. `outside` is a path that leaves the tree; `unknown` a name known only at run time. */
export type ImportTarget =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'package'; readonly name: string }
  | { readonly kind: 'builtin'; readonly name: string }
  | { readonly kind: 'outside'; readonly specifier: string }
  | { readonly kind: 'unknown' };

/**
 * `static` runs with the importer, `type` is erased, `dynamic` is `import()`, `url` is the entry of a worker or a
 * child (`new URL('./x.ts', import.meta.url)`, `import.meta.resolve`).
 */
export type ImportForm = 'static' | 'type' | 'dynamic' | 'url';

export interface Import {
  readonly form: ImportForm;
  readonly target: ImportTarget;
  /** Offset of the import in its file, in UTF-16 units. */
  readonly start: number;
}

/** Every import in a file, resolved against its own path (relative to the root of the tree). */
export function findImports(filePath: string, syntax: SyntaxNode): readonly Import[] {
  const found: Import[] = [];
  visitSyntax(syntax, (node) => {
    const reference = importOf(node);
    if (reference === undefined) return;
    found.push({ form: reference.form, target: resolveImport(filePath, reference.specifier), start: node.start });
  });
  return found;
}

/** The path, package or builtin that a specifier names when `filePath` imports it. */
function resolveImport(filePath: string, specifier: string | undefined): ImportTarget {
  if (specifier === undefined) return { kind: 'unknown' };
  if (/^\.{1,2}(\/|$)/.test(specifier)) {
    const target = path.posix.join(path.posix.dirname(filePath), specifier.replace(/[?#].*$/, ''));
    return target.startsWith('../') ? { kind: 'outside', specifier } : { kind: 'file', path: target };
  }
  if (isBuiltin(specifier)) return { kind: 'builtin', name: specifier.replace(/^node:/, '') };
  if (specifier.startsWith('/') || /^[a-z]+:/.test(specifier)) return { kind: 'outside', specifier };
  const parts = specifier.split('/');
  return { kind: 'package', name: parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/') };
}

function importOf(node: SyntaxNode): { form: ImportForm; specifier: string | undefined } | undefined {
  switch (node.type) {
    case 'ImportDeclaration':
      return { form: node['importKind'] === 'type' ? 'type' : 'static', specifier: sourceOf(node) };
    case 'ExportAllDeclaration':
    case 'ExportNamedDeclaration':
      if (childNode(node, 'source') === undefined) return undefined;
      return { form: node['exportKind'] === 'type' ? 'type' : 'static', specifier: sourceOf(node) };
    case 'ImportExpression':
      return { form: 'dynamic', specifier: sourceOf(node) };
    case 'TSImportType':
      return { form: 'type', specifier: sourceOf(node) };
    case 'TSExternalModuleReference':
      return { form: 'static', specifier: literalText(childNode(node, 'expression')) };
    case 'NewExpression':
    case 'CallExpression':
      return importByCall(node);
    default:
      return undefined;
  }
}

function sourceOf(node: SyntaxNode): string | undefined {
  return literalText(childNode(node, 'source'));
}

/** The calls that lead to another module: `require`, and the two ways to name the entry of a worker or a child. */
function importByCall(node: SyntaxNode): { form: ImportForm; specifier: string | undefined } | undefined {
  const callee = dottedName(childNode(node, 'callee'));
  const [first, second] = childNodes(node, 'arguments');
  const specifier = literalText(first);
  if (node.type === 'NewExpression') {
    const namesModule =
      callee === 'URL' && dottedName(second) === 'import.meta.url' && /\.[cm]?[jt]s$/.test(specifier ?? '');
    if (!namesModule || specifier === undefined) return undefined;
    return { form: 'url', specifier: /^[./]|^[a-z]+:/.test(specifier) ? specifier : `./${specifier}` };
  }
  if (callee === 'require') return { form: 'static', specifier };
  if (callee === 'import.meta.resolve' || callee === 'require.resolve') return { form: 'url', specifier };
  return undefined;
}
