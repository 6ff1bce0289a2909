/** One place in the tree that breaks a rule. */
export interface Finding {
  /** Relative to the root of the tree, with forward slashes. */
  readonly file: string;
  /** 1 for the first line. */
  readonly line: number;
  readonly rule: string;
  /** What is wrong here. */
  readonly says: string;
  /** What to do about it. */
  readonly fix: string;
}

/** One line a terminal can jump from, then the way out. */
export function formatFinding(finding: Finding): string {
  return `${finding.file}:${finding.line}  ${finding.rule}: ${finding.says}\n    fix: ${finding.fix}`;
}
