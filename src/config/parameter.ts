/**
 * One row per knob. Code, `--help`, environment variables, configuration files and the operators' table all come from
 * these rows, so they cannot disagree. A service's rows stand in its `config.ts`.
 */
export interface Parameter<T> {
  /** What it does and when to change it, for the operator. */
  readonly help: string;
  /** What a value looks like: `HOST:PORT`, `DIR`, `bytes`, `ms`. */
  readonly unit: string;
  /** What fits, where the unit does not say it all: `1 to 600000`. */
  readonly range?: string;
  readonly default: T;
  /** How the default comes about, where it is not the same on every machine. */
  readonly defaultSays?: string;
  /** May be given several times (flag), as a list (file) or comma-separated (environment). */
  readonly repeatable: boolean;
  /** Never printed or logged. */
  readonly secret: boolean;
  /** Takes text from a flag or variable, or a JSON value from a file. Throws a ParameterError that says what fits. */
  readonly parse: (value: unknown) => T;
}

/** A value that does not fit its row. The message continues the sentence "`--name` ...". */
export class ParameterError extends Error {}

export type ParameterTable = Readonly<Record<string, Parameter<unknown>>>;
export type ConfigOf<T extends ParameterTable> = {
  readonly [K in keyof T]: T[K] extends Parameter<infer V> ? V : never;
};

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

function parameter<T>(
  unit: string,
  fallback: T,
  help: string,
  parse: (value: unknown) => T,
  options: { repeatable?: boolean; secret?: boolean; range?: string; defaultSays?: string } = {},
): Parameter<T> {
  const { repeatable = false, secret = false, ...says } = options;
  return { help, unit, default: fallback, parse, repeatable, secret, ...says };
}

const asText = (value: unknown): string => {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw new ParameterError('must be a text, number or boolean');
};

export function textParameter(
  fallback: string,
  help: string,
  options: { unit?: string; secret?: boolean } = {},
): Parameter<string> {
  return parameter(options.unit ?? 'TEXT', fallback, help, asText, options);
}

/** A name that must match; `shape` tells people what fits. `defaultSays` as in Parameter. */
export function patternParameter(
  fallback: string,
  pattern: RegExp,
  shape: string,
  help: string,
  defaultSays?: string,
): Parameter<string> {
  const parse = (value: unknown): string => {
    const text = asText(value);
    if (!pattern.test(text)) throw new ParameterError(`must be ${shape}, not '${text}'`);
    return text;
  };
  return parameter('NAME', fallback, help, parse, {
    range: shape,
    ...(defaultSays === undefined ? {} : { defaultSays }),
  });
}

export function choiceParameter<const C extends string>(
  choices: readonly C[],
  fallback: NoInfer<C>,
  help: string,
): Parameter<C> {
  return parameter(choices.join('|'), fallback, help, (value) => {
    const found = choices.find((choice) => choice === asText(value));
    if (found === undefined) throw new ParameterError(`must be one of ${choices.join(', ')}, not '${asText(value)}'`);
    return found;
  });
}

export function flagParameter(help: string): Parameter<boolean> {
  return parameter('true|false', false, help, (value) => {
    if (value === true || value === 'true' || value === '1') return true;
    if (value === false || value === 'false' || value === '0') return false;
    throw new ParameterError(`must be true or false, not '${asText(value)}'`);
  });
}

const SUFFIXES: Readonly<Record<string, number>> = {
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/** A number within [min, max] in `unit`; text may carry k, M, G, T (powers of 1000) or Ki, Mi, Gi, Ti (of 1024). */
/** `defaultSays` as in Parameter. */
export function numberParameter(
  unit: string,
  range: { min: number; max: number },
  fallback: number,
  help: string,
  defaultSays?: string,
): Parameter<number> {
  const parse = (value: unknown): number => {
    const text = asText(value);
    const match = /^(-?\d+(?:\.\d+)?)(k|M|G|T|Ki|Mi|Gi|Ti)?$/.exec(text);
    const parsed =
      match === null
        ? Number.NaN
        : Number(match[1]) * (match[2] === undefined ? 1 : (SUFFIXES[match[2]] ?? Number.NaN));
    if (!Number.isFinite(parsed))
      throw new ParameterError(
        `must be a number of ${unit}, optionally with k, M, G, T, Ki, Mi, Gi or Ti, not '${text}'`,
      );
    if (parsed < range.min || parsed > range.max)
      throw new ParameterError(`must be ${range.min} to ${range.max} ${unit}, not ${text}`);
    return parsed;
  };
  return parameter(unit, fallback, help, parse, {
    range: `${range.min} to ${range.max}`,
    ...(defaultSays === undefined ? {} : { defaultSays }),
  });
}

/** `8080`, `127.0.0.1:8080`, `[::1]:8080`, `localhost:0`; a bare port listens on every address, IPv6 and IPv4. */
export function parseHostPort(text: string): HostPort {
  const match = /^(?:(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]*)):)?(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535)
    throw new ParameterError(`must be HOST:PORT, [IPV6]:PORT or PORT, not '${text}'`);
  const host = match[1] ?? match[2] ?? '';
  return { host: host === '' || host === '*' ? '::' : host, port };
}

export function hostPortParameter(fallback: string, help: string): Parameter<HostPort> {
  return parameter('HOST:PORT', parseHostPort(fallback), help, (value) => parseHostPort(asText(value)));
}

function parseBaseUrl(text: string): string {
  if (!URL.canParse(text)) throw new ParameterError(`must be an http or https URL, not '${text}'`);
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new ParameterError(`must be an http or https URL, not '${text}'`);
  if (url.search !== '' || url.hash !== '') throw new ParameterError('must not have a query or fragment');
  if (url.username !== '' || url.password !== '') throw new ParameterError('must not carry credentials');
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

/** A base URL without trailing slash, or '' when it is not set. */
export function urlParameter(help: string): Parameter<string> {
  return parameter('URL', '', help, (value) => (value === '' ? '' : parseBaseUrl(asText(value))));
}

export function textListParameter(unit: string, help: string): Parameter<readonly string[]> {
  return listParameter(unit, help, (text) => {
    if (text === '') throw new ParameterError('must not be empty');
    return text;
  });
}

/** Base URLs without trailing slashes. */
export function urlListParameter(help: string): Parameter<readonly string[]> {
  return listParameter('URL', help, parseBaseUrl);
}

function listParameter(unit: string, help: string, parseOne: (text: string) => string): Parameter<readonly string[]> {
  const parse = (value: unknown): string[] =>
    (Array.isArray(value) ? value : [value]).map((item) => parseOne(asText(item)));
  return parameter<readonly string[]>(unit, [], help, parse, { repeatable: true });
}
