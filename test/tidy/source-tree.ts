import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { findImports, type Import } from './imports.ts';
import { parseSyntax, type SyntaxNode } from './syntax.ts';

/** A file of the tree. Everything but the path is read on first use. */
export interface SourceFile {
  /** Relative to the root of the tree, with forward slashes. */
  readonly path: string;
  /** Undefined for a file that is not text. */
  readonly text: string | undefined;
  /** Undefined when the file is not code, or does not parse (then `parseError` says why). */
  readonly syntax: SyntaxNode | undefined;
  readonly parseError: string | undefined;
  readonly imports: readonly Import[];
  /** The line, from 1, that a UTF-16 offset stands on. */
  lineAt(offset: number): number;
}

export interface SourceTree {
  readonly root: string;
  /** Every file that git has or would take, sorted by path. */
  readonly files: readonly SourceFile[];
  /** The TypeScript and JavaScript among them. */
  readonly code: readonly SourceFile[];
  readonly paths: ReadonlySet<string>;
  readonly manifest: Manifest;
}

/** The packages that package.json names, by the name they are imported under. */
export interface Manifest {
  readonly dependencies: ReadonlySet<string>;
  readonly devDependencies: ReadonlySet<string>;
}

/** Reads the tree under `root`: what git tracks plus what is new and not ignored, or all of it without a git there. */
export function readSourceTree(root: string): SourceTree {
  const files = listFiles(root).map((filePath) => openFile(root, filePath));
  return {
    root,
    files,
    code: files.filter((file) => /\.[cm]?[jt]sx?$/.test(file.path)),
    paths: new Set(files.map((file) => file.path)),
    manifest: readManifest(root),
  };
}

function listFiles(root: string): string[] {
  return (listByGit(root) ?? listByWalk(root, '')).toSorted();
}

/** Undefined where there is no git to ask: an unpacked archive, a container without it, somebody else's clone. */
function listByGit(root: string): string[] | undefined {
  if (!existsSync(path.join(root, '.git'))) return undefined;
  const { status, stdout } = spawnSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    timeout: 30_000,
  });
  if (status !== 0) return undefined;
  // A path that is deleted but not yet committed is still listed, and a submodule is listed as a folder.
  return stdout.split('\0').filter((filePath) => filePath !== '' && isFile(root, filePath));
}

function isFile(root: string, filePath: string): boolean {
  return statSync(path.join(root, filePath), { throwIfNoEntry: false })?.isFile() === true;
}

const foldersOfTools = new Set(['.git', 'node_modules', 'coverage', '.tmp']);

function listByWalk(root: string, folder: string): string[] {
  return readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const entryPath = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) return foldersOfTools.has(entry.name) ? [] : listByWalk(root, entryPath);
    return entry.isFile() ? [entryPath] : [];
  });
}

function openFile(root: string, filePath: string): SourceFile {
  const text = once(() => readText(path.join(root, filePath)));
  const parsed = once(() => tryParse(filePath, text()));
  const imports = once(() => {
    const { syntax } = parsed();
    return syntax === undefined ? [] : findImports(filePath, syntax);
  });
  const lineStarts = once(() => startsOfLines(text() ?? ''));
  return {
    path: filePath,
    get text() {
      return text();
    },
    get syntax() {
      return parsed().syntax;
    },
    get parseError() {
      return parsed().parseError;
    },
    get imports() {
      return imports();
    },
    lineAt: (offset) => Math.max(1, lineStarts().findLastIndex((start) => start <= offset) + 1),
  };
}

/** Bytes with a zero among the first 8000 are not text, by the same rule that git uses. */
function readText(fullPath: string): string | undefined {
  const bytes = readFileSync(fullPath);
  return bytes.subarray(0, 8000).includes(0) ? undefined : bytes.toString('utf8');
}

function tryParse(
  filePath: string,
  text: string | undefined,
): { syntax: SyntaxNode | undefined; parseError: string | undefined } {
  if (text === undefined || !/\.[cm]?[jt]sx?$/.test(filePath)) return { syntax: undefined, parseError: undefined };
  try {
    return { syntax: parseSyntax(filePath, text), parseError: undefined };
  } catch (error) {
    return { syntax: undefined, parseError: error instanceof Error ? error.message : String(error) };
  }
}

function startsOfLines(text: string): readonly number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

function readManifest(root: string): Manifest {
  const manifestPath = path.join(root, 'package.json');
  const manifest: unknown = existsSync(manifestPath) ? JSON.parse(readFileSync(manifestPath, 'utf8')) : {};
  return {
    dependencies: new Set([...keysOf(manifest, 'dependencies'), ...keysOf(manifest, 'optionalDependencies')]),
    devDependencies: new Set(keysOf(manifest, 'devDependencies')),
  };
}

function keysOf(manifest: unknown, field: string): string[] {
  const section = (manifest as Record<string, unknown>)[field];
  return typeof section === 'object' && section !== null ? Object.keys(section) : [];
}

function once<T>(compute: () => T): () => T {
  let kept: { readonly value: T } | undefined;
  return () => (kept ??= { value: compute() }).value;
}
