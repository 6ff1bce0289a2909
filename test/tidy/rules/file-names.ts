import type { Finding } from '../finding.ts';
import type { SourceFile, SourceTree } from '../source-tree.ts';

const drawerNames = new Set(['utils', 'util', 'helpers', 'helper', 'common', 'misc', 'shared', 'lib']);
const kebabFile = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)*$/;
const kebabFolder = /^\.?[a-z0-9]+(-[a-z0-9]+)*$/;

/** A path says what is inside: kebab-case, no barrels, no drawers for what did not get a name. */
export function checkFileNames(tree: SourceTree): Finding[] {
  const code = new Set(tree.code);
  return tree.files.flatMap((file) => [...drawers(file), ...(code.has(file) ? codeNames(file) : [])]);
}

function drawers(file: SourceFile): Finding[] {
  const name = file.path
    .split('/')
    .map((part) => part.replace(/\.[cm]?[jt]sx?$/, ''))
    .find((part) => drawerNames.has(part));
  if (name === undefined) return [];
  return [
    finding(file, `\`${name}\` says nothing about what is inside`, 'name the duty, or move each part to its user'),
  ];
}

function codeNames(file: SourceFile): Finding[] {
  const folders = file.path.split('/');
  const name = folders.pop() ?? '';
  const found: Finding[] = [];
  if (/^index\.[cm]?[jt]sx?$/.test(name)) {
    found.push(finding(file, 'a barrel hides who uses what', 'import the files themselves, and name this one'));
  }
  if (!kebabFile.test(name) || folders.some((folder) => !kebabFolder.test(folder))) {
    found.push(finding(file, 'is not in kebab-case', 'use small letters, digits and single hyphens'));
  }
  return found;
}

function finding(file: SourceFile, says: string, fix: string): Finding {
  return { file: file.path, line: 1, rule: 'file-names', says, fix };
}
