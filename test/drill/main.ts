import { inspect } from 'node:util';
import { Command, Option } from '../../src/cli/commander.ts';
import { applianceDrills } from './appliance-drills.ts';
import type { Drill } from './drill.ts';
import { cleanUpMemoryRun, runMemory } from './memory-run.ts';
import { cleanUp, runDrills, terminalOutput } from './run-drills.ts';

const EXAMPLES = `
Examples:
  npm run drill -- appliance                       all of them, about three minutes
  npm run drill -- appliance --list                what there is, why, and what other caches did in the same test
  npm run drill -- appliance --only cold-range,kill-20
  npm run drill -- appliance --engine reference    the same with the other engine

Each drill starts real appliances on loopback with volumes of their own, does one thing to them that happens in a data
centre, and looks at what a viewer gets. A drill that needs root (to mount small disks) or a program that is not here
is printed as SKIPPED with the reason, and the others run. Exit code: 0 when none failed, 1 otherwise.
Nothing stays behind, also after Ctrl-C: no mount, no loop device, no process, no file.`;

let isEnding = false;

const program = new Command('drill').description('Puts real appliances into trouble and judges what viewers get.');
program
  .command('appliance')
  .description('One appliance, one fault per line: origins, disks, processes and clients that misbehave.')
  .option('--only <NAMES>', 'only these, with commas between')
  .addOption(
    new Option('--engine <NAME>', 'which one serves (default: what an appliance chooses)').choices([
      'fast',
      'reference',
    ]),
  )
  .option('--list', 'print what there is and run nothing')
  .addHelpText('after', EXAMPLES)
  .action(drillAppliance);

program
  .command('memory')
  .description('Does resident memory stay flat while very many objects and bytes are served?')
  .option('--objects <N>', 'objects of 4 KiB that are filled, one after the other', '100000')
  .option('--gigabytes <N>', 'served in ranges of 1 MiB afterwards', '10')
  .addHelpText('after', '\nExample, a few minutes and 2 GB of temporary files:\n  npm run drill -- memory\n')
  .action(async (options: { objects: string; gigabytes: string }) => {
    const isFlat = await runMemory({
      objects: whole(options.objects, '--objects'),
      gigabytes: whole(options.gigabytes, '--gigabytes'),
    });
    if (!isFlat) process.exitCode = 1;
  });

process.once('SIGINT', () => void endNow(130));
process.once('SIGTERM', () => void endNow(143));
// Also a bug of a drill must not leave a mount behind.
for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(event, (error: unknown) => {
    if (!isEnding) process.stderr.write(`a drill broke: ${inspect(error)}\n`);
    void endNow(1);
  });
}
await program.parseAsync();

async function drillAppliance(options: { only?: string; engine?: string; list?: boolean }): Promise<void> {
  // Appliances of drills are processes, and take what is not on their command line from here.
  if (options.engine !== undefined) process.env['OCA_ENGINE'] = options.engine;
  const chosen = choose(applianceDrills, options.only);
  if (options.list === true) {
    for (const drill of chosen) process.stdout.write(`${describe(drill)}\n\n`);
    return;
  }
  const output = terminalOutput();
  const startedMs = performance.now();
  const outcomes = await runDrills(chosen, output);
  output.end();
  const count = (kind: string): number => outcomes.filter((outcome) => outcome.kind === kind).length;
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
  const failed = outcomes.filter(({ kind }) => kind === 'FAIL').map(({ name }) => name);
  process.stdout.write(
    `\n${count('pass')} passed, ${failed.length} failed, ${count('SKIPPED')} skipped, in ${seconds} s` +
      `${failed.length === 0 ? '' : `; again with: npm run drill -- appliance --only ${failed.join(',')}`}\n`,
  );
  if (failed.length > 0) process.exitCode = 1;
}

function choose(drills: readonly Drill[], only: string | undefined): readonly Drill[] {
  if (only === undefined) return drills;
  const names = only.split(',');
  const unknown = names.filter((name) => !drills.some((drill) => drill.name === name));
  if (unknown.length === 0) return drills.filter(({ name }) => names.includes(name));
  return program.error(
    `no drill is called ${unknown.join(', ')}; there are ${drills.map(({ name }) => name).join(', ')}`,
  );
}

function describe({ name, does, why, needs }: Drill): string {
  const needed = needs.length === 0 ? '' : `\n  needs: ${needs.join(', ')}`;
  return `${name}: ${does}\n  ${why}${needed}`;
}

function whole(text: string, option: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) return program.error(`${option} takes a whole number above 0, not '${text}'`);
  return Number(text);
}

async function endNow(code: number): Promise<void> {
  if (isEnding) return;
  isEnding = true;
  // What the drill makes of losing its appliance now is nobody's result.
  process.stdout.write = () => true;
  process.stderr.write('\nending: undoing what is set up\n');
  for (const problem of [...(await cleanUp()), ...(await cleanUpMemoryRun())])
    process.stderr.write(`could not undo ${problem}\n`);
  process.exit(code);
}
