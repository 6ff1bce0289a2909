import { readFileSync } from 'node:fs';
import { messageOf, OperationalError } from '../errors/operational-error.ts';
import { type ConfigOf, ParameterError, type ParameterTable } from './parameter.ts';

/**
 * Precedence, strongest first: flag, environment variable, configuration file, default. Everything that is wrong is
 * reported at once, by the row's name, and nothing starts: a service that runs with half of what its operator meant is
 * worse than one that does not run.
 */
export interface ConfigSources {
  /** Values by parameter name, as texts (or lists of texts, or booleans) from the command line. */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Path of a JSON file, `-` for standard input, or undefined. */
  readonly file?: string | undefined;
}

/** `listen` -> `--listen`, `adminListen` -> `--admin-listen`. */
export const flagName = (name: string): string => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
/** `adminListen` -> `OCA_ADMIN_LISTEN`. */
export const variableName = (name: string): string =>
  `OCA_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;

/** @throws OperationalError CONFIG_INVALID that lists every wrong value and unknown key. */
export function loadConfig<T extends ParameterTable>(table: T, sources: ConfigSources): ConfigOf<T> {
  const problems: string[] = [];
  const fromFile = sources.file === undefined ? {} : readConfigFile(sources.file);
  for (const key of Object.keys(fromFile)) {
    if (!Object.hasOwn(table, key))
      problems.push(`${sources.file}: '${key}' is not a parameter${suggest(key, Object.keys(table))}`);
  }
  const config: Record<string, unknown> = {};
  for (const [name, row] of Object.entries(table)) {
    const variable = sources.environment[variableName(name)];
    const given: { value: unknown; where: string } | undefined =
      sources.flags[name] !== undefined
        ? { value: sources.flags[name], where: flagName(name) }
        : variable !== undefined
          ? { value: row.repeatable ? variable.split(',') : variable, where: variableName(name) }
          : fromFile[name] !== undefined
            ? { value: fromFile[name], where: `${sources.file}: '${name}'` }
            : undefined;
    if (given === undefined) {
      config[name] = row.default;
      continue;
    }
    try {
      config[name] = row.parse(given.value);
    } catch (error) {
      if (!(error instanceof ParameterError)) throw error;
      problems.push(`${given.where} ${error.message}`);
    }
  }
  if (problems.length > 0) throw new OperationalError('CONFIG_INVALID', problems.join('\n  '));
  return config as ConfigOf<T>;
}

const STANDARD_INPUT = 0;

function readConfigFile(file: string): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(file === '-' ? STANDARD_INPUT : file, 'utf8'));
  } catch (error) {
    throw new OperationalError('CONFIG_INVALID', `${file}: ${messageOf(error)}`, { cause: error });
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new OperationalError('CONFIG_INVALID', `${file}: must hold one JSON object`);
  }
  return parsed as Record<string, unknown>;
}

function suggest(key: string, names: readonly string[]): string {
  const plain = key.toLowerCase().replace(/[^a-z]/g, '');
  const near = names.find((name) => name.toLowerCase().includes(plain) || plain.includes(name.toLowerCase()));
  return near === undefined ? '' : `; did you mean '${near}'?`;
}
