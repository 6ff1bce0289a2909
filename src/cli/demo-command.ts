import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { OperationalError } from '../errors/operational-error.ts';
import { Command } from './commander.ts';

const PROGRAM = fileURLToPath(new URL('../../deploy/demo/main.ts', import.meta.url));

/** The demo is a program of its own beside the product: it may use the players and the browser driver of a clone. */
export function demoCommand(): Command {
  return new Command('demo')
    .description(
      'Start an origin, planner, steering and three appliances on loopback, fill a title and serve a page that plays it.',
    )
    .option(
      '--check',
      'play it in a headless browser, kill the serving appliance midway, and exit 0 only if playback went on',
    )
    .option('--port <PORT>', 'port of the page on 127.0.0.1', '8000')
    .option('--keep <DIR>', 'keep state and volumes in DIR instead of a temporary folder')
    .action(async (options: { check?: boolean; port: string; keep?: string }) => {
      if (!existsSync(PROGRAM))
        throw new OperationalError(
          'CONFIG_INVALID',
          'the demo runs from a clone of the repository, not from an installed package',
        );
      const words = [
        PROGRAM,
        '--port',
        options.port,
        ...(options.check === true ? ['--check'] : []),
        ...(options.keep === undefined ? [] : ['--keep', options.keep]),
      ];
      const child = spawn(process.execPath, words, { stdio: 'inherit' });
      // The terminal sends Ctrl-C to both; a TERM meant for the demo is passed on. The demo decides when to end.
      process.on('SIGINT', () => undefined);
      process.on('SIGTERM', () => child.kill('SIGTERM'));
      process.exitCode = await new Promise<number>((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
    });
}
