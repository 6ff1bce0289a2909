import type { Finding } from '../finding.ts';
import type { SourceFile, SourceTree } from '../source-tree.ts';
import { childNode, childNodes, dottedName, type SyntaxNode, visitSyntax } from '../syntax.ts';

const declares = /^(it|test|describe|suite)(\.|$)/;
const switches = new Set(['skip', 'skipIf', 'runIf', 'todo', 'fails', 'only']);
const oldWords = new Map([
  ['xit', 'skip'],
  ['xtest', 'skip'],
  ['xdescribe', 'skip'],
  ['fit', 'only'],
  ['fdescribe', 'only'],
]);

/** A test that does not run says why on the line before; one that keeps all others from running stays at home. */
export function checkSkippedTests(tree: SourceTree): Finding[] {
  return tree.code.filter((file) => file.path.startsWith('test/')).flatMap(switchesIn);
}

function switchesIn(file: SourceFile): Finding[] {
  const byLine = new Map<number, Finding>();
  if (file.syntax === undefined) return [];
  visitSyntax(file.syntax, (node) => {
    const word = node.type === 'CallExpression' ? switchOf(node) : undefined;
    if (word === undefined) return;
    const line = file.lineAt(node.start);
    if (word !== 'only' && hasReason(file, line)) return;
    byLine.set(line, {
      file: file.path,
      line,
      rule: 'skipped-tests',
      says:
        word === 'only'
          ? 'keeps every other test from running'
          : `does not always run (\`${word}\`), and no reason is given`,
      fix: word === 'only' ? 'remove `only`' : 'let it run, or say why not in a comment on the line before',
    });
  });
  return [...byLine.values()];
}

function switchOf(call: SyntaxNode): string | undefined {
  const name = dottedName(childNode(call, 'callee'));
  if (name === undefined) return undefined;
  const parts = name.split('.');
  if (declares.test(name)) return parts.find((part) => switches.has(part)) ?? switchInOptions(call);
  // Inside a test: `context.skip()`, or `skip()` taken out of the context.
  if (parts.at(-1) === 'skip' && parts.length <= 2) return 'skip';
  return oldWords.get(name);
}

/** `it('...', { skip: true }, () => ...)`. */
function switchInOptions(call: SyntaxNode): string | undefined {
  return childNodes(call, 'arguments')
    .filter((argument) => argument.type === 'ObjectExpression')
    .flatMap((options) => childNodes(options, 'properties'))
    .map((property) => childNode(property, 'key')?.['name'])
    .find((key): key is string => typeof key === 'string' && switches.has(key));
}

function hasReason(file: SourceFile, line: number): boolean {
  const before = file.text?.split('\n')[line - 2]?.trim() ?? '';
  const says = /^(\/\/|\/?\*)(.*)$/.exec(before)?.[2]?.replace(/\*\/$/, '').trim() ?? '';
  return says.length >= 10 && !/^(oxlint|eslint|biome|@ts)-/.test(says);
}
