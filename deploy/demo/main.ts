import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ProgressLine } from '../../src/cli/progress-line.ts';
import { checkDemo } from './check.ts';
import { ensureSystemPackages } from './ensure-system-packages.ts';
import { DemoNetwork } from './network.ts';
import { startPageServer } from './page-server.ts';

/**
 * `oca demo`: starts the network, then either serves the page until Ctrl-C, or (`--check`) plays it in a headless
 * browser and judges. Whatever happens, everything it started is stopped and its folder removed.
 */
const { values } = parseArgs({
  options: {
    check: { type: 'boolean', default: false },
    port: { type: 'string', default: '8000' },
    keep: { type: 'string' },
  },
});

async function main(): Promise<number> {
  const folder = values.keep ?? mkdtempSync(join(tmpdir(), 'oca-demo-'));
  mkdirSync(folder, { recursive: true });
  const network = new DemoNetwork(folder);
  const interrupted = new Promise<void>((resolve) => {
    // For every signal, not only the first: a second Ctrl-C must not end this process before its children.
    process.on('SIGINT', resolve);
    process.on('SIGTERM', resolve);
  });
  const progress = new ProgressLine(process.stderr);
  try {
    if (values.check) await requireBrowser();
    const started = network.start((share, step) => progress.show(share, step));
    if ((await Promise.race([started.then(() => 'started'), interrupted.then(() => 'interrupted')])) === 'interrupted')
      return 130;
    progress.end();
    const page = await startPageServer(network, values.check ? 0 : Number(values.port));
    try {
      if (values.check)
        return (await Promise.race([checkDemo(network, page.url), interrupted.then(() => false)])) ? 0 : 1;
      process.stdout.write(
        `\n  Open ${page.url}\n\n  Kill the appliance that serves you and watch the player move on. Logs: ${join(folder, 'logs')}\n  Ctrl-C stops everything.\n\n`,
      );
      await interrupted;
      return 0;
    } finally {
      page.server.closeAllConnections();
      page.server.close();
    }
  } finally {
    progress.end();
    await network.stop();
    if (values.keep === undefined) rmSync(folder, { recursive: true, force: true });
  }
}

async function requireBrowser(): Promise<void> {
  const result = await ensureSystemPackages(['chromium'], (line) => process.stderr.write(`${line}\n`));
  if (result.kind === 'missing') throw new Error(result.lines.join('\n'));
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
