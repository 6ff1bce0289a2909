import { execFile } from 'node:child_process';
import path from 'node:path';

export interface ToolOutcome {
  readonly ok: boolean;
  readonly output: string;
}

/** Longer than any tool takes on a slow machine; one that hangs must not hang `npm test`. */
const toolTimeoutMs = 180_000;
const outputBytesMax = 64 * 1024 * 1024;

/**
 * Runs a tool of node_modules/.bin in `root` and gathers what it prints. `.bin` leads the PATH, so that a tool
 * that is a script runs on the Node that the package pins, however this process was started.
 */
export function runTool(root: string, name: string, args: readonly string[]): Promise<ToolOutcome> {
  const binFolder = path.join(root, 'node_modules', '.bin');
  const environment = {
    ...process.env,
    NO_COLOR: '1',
    PATH: `${binFolder}${path.delimiter}${process.env['PATH'] ?? ''}`,
  };
  return new Promise((resolve) => {
    execFile(
      path.join(binFolder, name),
      args,
      { cwd: root, env: environment, timeout: toolTimeoutMs, maxBuffer: outputBytesMax },
      (error, stdout, stderr) => {
        const output = [stdout.trimEnd(), stderr.trimEnd()].filter((part) => part !== '').join('\n');
        if (error === null) return resolve({ ok: true, output });
        const cause = error.killed === true ? `stopped after ${toolTimeoutMs / 1000} s` : error.message;
        resolve({ ok: false, output: output === '' || error.killed === true ? `${output}\n${cause}`.trim() : output });
      },
    );
  });
}
