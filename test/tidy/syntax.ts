/*
 * The rules ask what a file imports and calls. A pattern over the text cannot answer that: it sees imports in
 * comments and in the strings of these very tests, and misses the ones broken over two lines. TypeScript 7 has no
 * compiler API to ask, so the tree comes from the parser inside vitest. This is the only file that knows it.
 */
import { parseAst } from 'vitest/node';

/** A node of the ESTree that the parser gives; offsets count UTF-16 units, `end` excluded. */
export interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

/** The syntax tree of a TypeScript or JavaScript source. Throws when it does not parse. */
export function parseSyntax(path: string, text: string): SyntaxNode {
  const lang = path.endsWith('.tsx') ? 'tsx' : path.endsWith('.ts') ? 'ts' : 'js';
  // oxlint-disable-next-line typescript/no-deprecated -- its successor is exported by vite, which we do not depend on
  return parseAst(text, { lang }) as unknown as SyntaxNode;
}

function isSyntaxNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string';
}

/** Shows every node under (and including) `root`, parents before children. */
export function visitSyntax(root: SyntaxNode, see: (node: SyntaxNode) => void): void {
  see(root);
  for (const value of Object.values(root)) {
    if (Array.isArray(value)) {
      for (const item of value) if (isSyntaxNode(item)) visitSyntax(item, see);
    } else if (isSyntaxNode(value)) {
      visitSyntax(value, see);
    }
  }
}

export function childNode(node: SyntaxNode, field: string): SyntaxNode | undefined {
  const value = node[field];
  return isSyntaxNode(value) ? value : undefined;
}

export function childNodes(node: SyntaxNode, field: string): readonly SyntaxNode[] {
  const value = node[field];
  return Array.isArray(value) ? value.filter(isSyntaxNode) : [];
}

/** The value of a string literal or of a template without holes; undefined for any other expression. */
export function literalText(node: SyntaxNode | undefined): string | undefined {
  if (node?.type === 'Literal' && typeof node['value'] === 'string') return node['value'];
  if (node?.type !== 'TemplateLiteral' || childNodes(node, 'expressions').length > 0) return undefined;
  const cooked = (childNodes(node, 'quasis')[0]?.['value'] as { cooked?: unknown } | undefined)?.cooked;
  return typeof cooked === 'string' ? cooked : undefined;
}

/**
 * The dotted name of an expression: `process.exit`, also for `process?.exit`, `process['exit']` and
 * `globalThis.process.exit`. Calls on the way are looked through (`it.each(rows).skip` is `it.each.skip`).
 * Undefined when it does not begin with a plain name.
 */
export function dottedName(node: SyntaxNode | undefined): string | undefined {
  if (node === undefined) return undefined;
  if (node.type === 'Identifier') return String(node['name']);
  if (node.type === 'ChainExpression') return dottedName(childNode(node, 'expression'));
  if (node.type === 'CallExpression') return dottedName(childNode(node, 'callee'));
  if (node.type === 'TaggedTemplateExpression') return dottedName(childNode(node, 'tag'));
  if (node.type === 'MetaProperty') return 'import.meta';
  if (node.type !== 'MemberExpression') return undefined;
  const owner = dottedName(childNode(node, 'object'));
  const property = childNode(node, 'property');
  const name = node['computed'] === true ? literalText(property) : property?.['name'];
  if (owner === undefined || typeof name !== 'string') return undefined;
  return owner === 'globalThis' ? name : `${owner}.${name}`;
}
