import { ContractError } from '../contracts/contract.ts';
import { isOperational, messageOf } from '../errors/operational-error.ts';
import { Command, CommanderError } from './commander.ts';
import { buildServiceCommand } from './service-command.ts';
import { addSteeringTools } from './steering-tools.ts';

/**
 * `oca`: one program for everything. Commands are loaded when they are called, so that `oca appliance` never reads the
 * planner's code.
 */
interface Entry {
  readonly name: string;
  readonly summary: string;
  load(): Promise<Command>;
}

const ENTRIES: readonly Entry[] = [
  {
    name: 'demo',
    summary: 'Start a whole delivery network on this machine and play a video from it.',
    load: async () => (await import('./demo-command.ts')).demoCommand(),
  },
  {
    name: 'appliance',
    summary: 'Serve files from local disks, filled from peers or an origin.',
    load: async () => buildServiceCommand((await import('../../appliance/main.ts')).applianceCommand),
  },
  {
    name: 'fill-planner',
    summary: 'Predict demand and plan which file goes to which appliance, and when.',
    load: async () => buildServiceCommand((await import('../../fill-planner/main.ts')).fillPlannerCommand),
  },
  {
    name: 'steering',
    summary: 'Give players ranked appliance URLs.',
    load: async () => addSteeringTools(buildServiceCommand((await import('../../steering/main.ts')).steeringCommand)),
  },
  {
    name: 'title',
    summary: "Add titles to the planner's catalogue, list and remove them.",
    load: async () => (await import('./title-command.ts')).titleCommand(),
  },
  {
    name: 'fleet',
    summary: 'Show or set sites, clusters, appliances, fill windows and budgets.',
    load: async () => (await import('./fleet-command.ts')).fleetCommand(),
  },
  {
    name: 'calendar',
    summary: 'Say when titles launch and retire; pin what must be held.',
    load: async () => (await import('./calendar-command.ts')).calendarCommand(),
  },
  {
    name: 'plan',
    summary: 'Show the plan of an appliance, or make a new one now.',
    load: async () => (await import('./plan-command.ts')).planCommand(),
  },
  {
    name: 'site',
    summary: 'Show the sites that steering knows; drain, maintain and return them.',
    load: async () => (await import('./site-command.ts')).siteCommand(),
  },
  {
    name: 'routes',
    summary: 'Show where clients are by the routes of ISPs, and what is wrong with those.',
    load: async () => (await import('./routes-command.ts')).routesCommand(),
  },
  {
    name: 'policy',
    summary: 'Check and show the rules for devices and cohorts; roll a cohort back.',
    load: async () => (await import('./policy-command.ts')).policyCommand(),
  },
  {
    name: 'volumes',
    summary: 'Show the disks of an appliance; add, drain, remove, re-initialise them while it runs.',
    load: async () => (await import('./volumes-command.ts')).volumesCommand(),
  },
  {
    name: 'fill',
    summary: 'Show how far an appliance is with its plan and when it ends; pause, resume, fill now.',
    load: async () => (await import('./fill-command.ts')).fillCommand(),
  },
  {
    name: 'purge',
    summary: 'Make an appliance forget content: one path, a prefix, a title or a tag.',
    load: async () => (await import('./purge-command.ts')).purgeCommand(),
  },
  {
    name: 'savings',
    summary: 'What the appliances saved their ISPs in a month, in bytes and in money.',
    load: async () => (await import('./savings-command.ts')).savingsCommand(),
  },
  {
    name: 'trigger',
    summary: 'Purge, invalidate or preposition content on all appliances at once.',
    load: async () => (await import('./trigger-command.ts')).triggerCommand(),
  },
  {
    name: 'token',
    summary: 'Show, rotate and revoke the keys of signed URLs; mint and inspect tokens.',
    load: async () => (await import('./token-command.ts')).tokenCommand(),
  },
  {
    name: 'enrol',
    summary: 'Mint a one-time token by which a service registers with another.',
    load: async () => (await import('./enrol-command.ts')).enrolCommand(),
  },
  {
    name: 'config',
    summary: 'Print the parameter table of a service: flags, variables, units, defaults.',
    load: async () => (await import('./config-command.ts')).configCommand(),
  },
  {
    name: 'bench',
    summary: 'Load an appliance and report its throughput and latency.',
    load: async () => (await import('./bench-command.ts')).benchCommand(),
  },
];

async function main(words: readonly string[]): Promise<void> {
  const entry = ENTRIES.find(({ name }) => name === words[0]);
  const program = new Command('oca')
    .description('Delivers video from inside the ISP: appliance, fill-planner, steering.')
    .usage('COMMAND [options]')
    .addHelpText('after', '\nSee a video first:  oca demo\nHelp on a command:  oca COMMAND --help');
  if (entry !== undefined) {
    program.addCommand(await entry.load());
  } else {
    for (const { name, summary } of ENTRIES) program.command(name).description(summary);
  }
  throwWhatIsWrong(program);
  await program.parseAsync(['node', 'oca', ...words]);
}

/** The parser says what is wrong with the words itself; how the process ends is decided below. */
function throwWhatIsWrong(command: Command): void {
  command.exitOverride().showHelpAfterError('(--help tells what there is)');
  for (const inner of command.commands) throwWhatIsWrong(inner);
}

/** Wrong words are wrong configuration: a supervisor must not start them again and again. */
const WRONG_CONFIGURATION = 78;

main(process.argv.slice(2)).catch((error: unknown) => {
  if (error instanceof CommanderError)
    process.exit(error.exitCode === 0 || error.code === 'commander.help' ? error.exitCode : WRONG_CONFIGURATION);
  // A foreseen failure is one clear line; anything else is a bug and shows where it happened.
  const isForeseen = isOperational(error) || error instanceof ContractError || !(error instanceof Error);
  process.stderr.write(`oca: ${isForeseen ? messageOf(error) : (error.stack ?? error.message)}\n`);
  process.exit(isOperational(error, 'CONFIG_INVALID') ? WRONG_CONFIGURATION : 1);
});
