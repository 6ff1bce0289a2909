import type { Finding } from '../finding.ts';
import type { SourceFile, SourceTree } from '../source-tree.ts';
import { visitSyntax } from '../syntax.ts';

const directive =
  /@ts-(?:ignore|nocheck|expect-error)|(?:eslint|oxlint)-disable(?:-next-line|-line)?|biome-ignore(?:-all|-start)?/g;
const neverAllowed = new Set(['@ts-ignore', '@ts-nocheck']);

/** A check is switched off only with its reason on the same line: after `--`, or after `:` where biome wants that. */
export function checkSwitchedOffChecks(tree: SourceTree): Finding[] {
  return tree.code.flatMap(directivesIn);
}

function directivesIn(file: SourceFile): Finding[] {
  const text = file.text ?? '';
  const matches = [...text.matchAll(directive)];
  if (matches.length === 0) return [];
  const quoted = quotedSpans(file);
  return matches
    .filter(({ index }) => !quoted.some(({ start, end }) => start <= index && index < end))
    .filter(
      (match) => neverAllowed.has(match[0]) || !hasReason(match[0], restOfLine(text, match.index + match[0].length)),
    )
    .map((match) => ({
      file: file.path,
      line: file.lineAt(match.index),
      rule: 'switched-off-checks',
      says: `switches a check off with \`${match[0]}\`${neverAllowed.has(match[0]) ? '' : ' and gives no reason'}`,
      fix: 'mend what the check found; if it is wrong here, say why on the same line, after `--`',
    }));
}

function hasReason(name: string, rest: string): boolean {
  const reason = name.startsWith('@ts-') ? rest : /(?:--|: )(.*)$/.exec(rest)?.[1];
  return (reason ?? '').replace('*/', '').trim().length >= 10;
}

function restOfLine(text: string, from: number): string {
  const end = text.indexOf('\n', from);
  return text.slice(from, end === -1 ? undefined : end);
}

/** Where a directive would be data: strings, templates and patterns. */
function quotedSpans(file: SourceFile): { start: number; end: number }[] {
  const spans: { start: number; end: number }[] = [];
  if (file.syntax === undefined) return spans;
  visitSyntax(file.syntax, ({ type, start, end }) => {
    if (type === 'Literal' || type === 'TemplateElement') spans.push({ start, end });
  });
  return spans;
}
