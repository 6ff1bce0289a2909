import { flagName, loadConfig, variableName } from '../config/load-config.ts';
import type { ConfigOf, Parameter, ParameterTable } from '../config/parameter.ts';
import { choiceParameter, numberParameter } from '../config/parameter.ts';
import { runService } from '../lifecycle/run-service.ts';
import type { ProcessService } from '../lifecycle/service.ts';
import { createLogger, LOG_LEVELS, type Logger } from '../telemetry/logger.ts';
import { systemWorld, type World } from '../world/world.ts';
import { Command, Option } from './commander.ts';

/** What a service's `main.ts` exports: its parameter table and how to build it from a checked configuration. */
export interface ServiceCommand<T extends ParameterTable> {
  readonly name: string;
  readonly summary: string;
  /** Shown below the options: an example or two that work as they stand. */
  readonly examples: string;
  readonly parameters: T;
  create(config: ConfigOf<T> & CommonConfig, context: ServiceContext): ProcessService;
}

export interface ServiceContext {
  readonly logger: Logger;
  readonly world: World;
}

const COMMON_PARAMETERS = {
  logLevel: choiceParameter(LOG_LEVELS, 'info', 'Least severe log lines to write to stderr.'),
  stopDeadlineMs: numberParameter(
    'ms',
    { min: 0, max: 600_000 },
    10_000,
    'After SIGTERM, how long work in hand may take before it is cut.',
  ),
};
export type CommonConfig = ConfigOf<typeof COMMON_PARAMETERS>;

/** All rows of a service with those that every service has. */
export const allParameters = (command: Pick<ServiceCommand<ParameterTable>, 'parameters'>): ParameterTable => ({
  ...command.parameters,
  ...COMMON_PARAMETERS,
});

/** The commander command of a service: options from its table, help that teaches, and the run. */
export function buildServiceCommand<T extends ParameterTable>(service: ServiceCommand<T>): Command {
  const table = { ...service.parameters, ...COMMON_PARAMETERS };
  const command = new Command(service.name)
    .description(service.summary)
    .configureHelp({ helpWidth: Math.min(process.stdout.columns ?? 110, 140) })
    .option(
      '--config <FILE>',
      'JSON file with any of these parameters, by their camel-case names (- reads standard input). Precedence: flag, environment, file, default. [not set; OCA_CONFIG]',
    )
    .addHelpText('after', `\n${service.examples}\n`);
  for (const [name, row] of Object.entries<Parameter<unknown>>(table)) command.addOption(optionFor(name, row));
  return command.action(async (given: Record<string, unknown>) => {
    const { config: file, ...flags } = given;
    const sources = {
      flags,
      environment: process.env,
      file: typeof file === 'string' ? file : process.env['OCA_CONFIG'],
    };
    const config = loadConfig<ParameterTable>(table, sources) as ConfigOf<T> & CommonConfig;
    const logger = createLogger(service.name, config.logLevel);
    const built = service.create(config, { logger, world: systemWorld });
    await runService(service.name, built, logger, config.stopDeadlineMs);
  });
}

function optionFor(name: string, row: Parameter<unknown>): Option {
  const isFlag = row.unit === 'true|false';
  const value = isFlag ? '' : row.repeatable ? ` <${row.unit}...>` : ` <${row.unit}>`;
  const option = new Option(
    `${flagName(name)}${value}`,
    `${row.help} [${describeDefault(row)}; ${variableName(name)}]`,
  );
  if (row.repeatable) option.argParser((text: string, previous: string[] | undefined) => [...(previous ?? []), text]);
  return option;
}

/** The default as a person reads it. */
export function describeDefault(row: Parameter<unknown>): string {
  const value = row.default;
  if (row.defaultSays !== undefined) return `default ${row.defaultSays}`;
  if (row.secret || value === '' || (Array.isArray(value) && value.length === 0)) return 'not set';
  if (typeof value === 'object' && value !== null && 'host' in value && 'port' in value)
    return `default ${String(value.host)}:${String(value.port)}`;
  return `default ${String(value)}`;
}
