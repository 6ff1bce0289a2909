/**
 * `npm run tidy`: every check that needs no running program. One line per check; what a check has to say follows
 * only where it failed. Names of checks as arguments (`npm run tidy -- types rules`) run only those.
 */
import path from 'node:path';
import { formatFinding } from './finding.ts';
import { rules } from './rule-table.ts';
import { runTool, type ToolOutcome } from './run-tool.ts';
import { readSourceTree } from './source-tree.ts';

const root = path.resolve(import.meta.dirname, '../..');

type Check = () => Promise<ToolOutcome> | ToolOutcome;

const checks: ReadonlyMap<string, Check> = new Map<string, Check>([
  ['format', () => runTool(root, 'biome', ['check', '--config-path=test/tidy', '--max-diagnostics=100', '.'])],
  ['lint', () => runTool(root, 'oxlint', ['-c', 'test/tidy/oxlint.json', '--type-aware', '--deny-warnings'])],
  ['types', () => runTool(root, 'tsc', ['-p', '.', '--pretty', 'false'])],
  // The page runs in a browser: other globals, plain JavaScript with types in comments.
  ['page', () => runTool(root, 'tsc', ['-p', 'deploy/demo/page', '--pretty', 'false'])],
  ['unused', () => runTool(root, 'knip', ['--config', 'test/tidy/knip.json', '--no-progress'])],
  ['rules', checkRules],
]);

function checkRules(): ToolOutcome {
  const tree = readSourceTree(root);
  const findings = [...rules.values()].flatMap((rule) => rule(tree));
  return { ok: findings.length === 0, output: findings.map(formatFinding).join('\n') };
}

async function runCheck(name: string, check: Check): Promise<boolean> {
  const startedMs = performance.now();
  const { ok, output } = await check();
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  process.stdout.write(`tidy ${name.padEnd(8)} ${ok ? 'ok    ' : 'failed'} ${seconds.padStart(5)} s\n`);
  if (!ok) process.stdout.write(`${output}\n\n`);
  return ok;
}

async function main(names: readonly string[]): Promise<boolean> {
  const unknown = names.filter((name) => !checks.has(name));
  if (unknown.length > 0) {
    process.stderr.write(
      `tidy: no check is called ${unknown.join(', ')}; there are ${[...checks.keys()].join(', ')}\n`,
    );
    return false;
  }
  const wanted = [...checks].filter(([name]) => names.length === 0 || names.includes(name));
  // All at once: the tools wait for files more than for each other.
  const results = await Promise.all(wanted.map(([name, check]) => runCheck(name, check)));
  return results.every(Boolean);
}

process.exitCode = (await main(process.argv.slice(2))) ? 0 : 1;
