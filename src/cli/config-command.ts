import { flagName, variableName } from '../config/load-config.ts';
import type { ParameterTable } from '../config/parameter.ts';
import { Command } from './commander.ts';
import { allParameters, describeDefault } from './service-command.ts';

const LOADERS: Readonly<Record<string, () => Promise<ParameterTable>>> = {
  appliance: async () => allParameters((await import('../../appliance/main.ts')).applianceCommand),
  'fill-planner': async () => allParameters((await import('../../fill-planner/main.ts')).fillPlannerCommand),
  steering: async () => allParameters((await import('../../steering/main.ts')).steeringCommand),
};

export function configCommand(): Command {
  return new Command('config')
    .description('Print the parameter table of a service as Markdown, or an example configuration file.')
    .argument('<SERVICE>', Object.keys(LOADERS).join(', '))
    .option('--example', 'print a JSON file with every default instead')
    .action(async (service: string, options: { example?: boolean }) => {
      const load = LOADERS[service];
      if (load === undefined) throw new Error(`no service '${service}': one of ${Object.keys(LOADERS).join(', ')}`);
      process.stdout.write(options.example === true ? exampleFile(await load()) : parameterTable(await load()));
    });
}

/** The operators' table of one service, in Markdown. */
export function parameterTable(table: ParameterTable): string {
  const rows = Object.entries(table).map(
    ([name, row]) =>
      `| \`${name}\` | \`${flagName(name)}\` | \`${variableName(name)}\` | ${row.unit.replaceAll('|', '\\|')} | ${describeDefault(row).replace(/^default /, '')} | ${row.help} |`,
  );
  return `| file | flag | environment | value | default | what it does |\n| --- | --- | --- | --- | --- | --- |\n${rows.join('\n')}\n`;
}

/** A configuration file with every default that is not a secret. */
export function exampleFile(table: ParameterTable): string {
  const values = Object.entries(table)
    .filter(([, row]) => !row.secret)
    .map(([name, row]) => {
      const value = row.default;
      const isHostPort = typeof value === 'object' && value !== null && 'host' in value && 'port' in value;
      return [name, isHostPort ? `${String(value.host)}:${String(value.port)}` : value] as const;
    });
  return `${JSON.stringify(Object.fromEntries(values), null, 2)}\n`;
}
