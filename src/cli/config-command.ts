import { flagName, variableName } from '../config/load-config.ts';
import type { ParameterTable } from '../config/parameter.ts';
import { OperationalError } from '../errors/operational-error.ts';
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
    .argument('[SERVICE]', `${Object.keys(LOADERS).join(', ')}; all of them when not given`)
    .option('--example', 'print a JSON file with every default instead')
    .addHelpText('after', '\nExamples:\n  oca config steering\n  oca config appliance --example > appliance.json')
    .action(async (service: string | undefined, options: { example?: boolean }) => {
      if (service === undefined && options.example !== true) {
        process.stdout.write(await parameterDocument());
        return;
      }
      const load = Object.hasOwn(LOADERS, service ?? '') ? LOADERS[service ?? ''] : undefined;
      if (load === undefined) {
        throw new OperationalError(
          'CONFIG_INVALID',
          `no service '${service ?? ''}': one of ${Object.keys(LOADERS).join(', ')}`,
        );
      }
      process.stdout.write(options.example === true ? exampleFile(await load()) : parameterTable(await load()));
    });
}

/** The tables of all services as one page: deploy/config/parameters.md is this text. */
export async function parameterDocument(): Promise<string> {
  const parts = [
    '# Parameters',
    'Written by `oca config`. A value comes from the flag, else the environment variable, else the JSON file of `--config` (by the name in the first column), else the default. Numbers may carry k, M, G, T (powers of 1000) or Ki, Mi, Gi, Ti (of 1024). A service that finds anything wrong names all of it and does not start (exit code 78).',
  ];
  for (const [service, load] of Object.entries(LOADERS))
    parts.push(`## ${service}`, parameterTable(await load()).trimEnd());
  return `${parts.join('\n\n')}\n`;
}

/** The operators' table of one service, in Markdown. */
export function parameterTable(table: ParameterTable): string {
  const rows = Object.entries(table).map(([name, row]) => {
    const value = [row.unit, row.range].filter((part) => part !== undefined).join(', ');
    const cells = [
      `\`${name}\``,
      `\`${flagName(name)}\``,
      `\`${variableName(name)}\``,
      value,
      describeDefault(row).replace(/^default /, ''),
      row.help,
    ];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });
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
