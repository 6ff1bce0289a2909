import { isIPv4, isIPv6 } from 'node:net';
import { z } from 'zod';
import type { RouteReport } from '../../src/contracts/route-report.ts';
import { messageOf } from '../../src/errors/operational-error.ts';
import { type AnnouncedRoute } from '../../src/routes/announced-route.ts';
import { isMrt, readMrt } from '../../src/routes/read-mrt.ts';
import { bestPaths } from './best-paths.ts';

/**
 * The routes file: what the ISP announces to this appliance, written by a script or a router's export.
 *
 * CSV: `prefix[,as path length[,MED[,local preference[,communities]]]]`, communities separated by spaces; empty fields,
 * empty lines, `# comments` and a header line that begins with `prefix` are fine. JSON (a file whose first character is
 * `[` or `{`): a list of prefixes or of objects as in the route report, or an object with that list as `routes`. MRT: a
 * table dump, as BIRD's `protocol mrt` writes it; of several paths to one prefix the shortest counts.
 *
 * A wrong line is left out and named; the others count. What a prefix is worth (private, too long, not the ISP's) is
 * judged by the receiver.
 */
export type Route = RouteReport['routes'][number];

export interface ParsedRoutes {
  readonly routes: readonly Route[];
  /** What was left out: `line 7: ...`, or `entry 7: ...` in JSON; both count from 1. */
  readonly problems: readonly string[];
  /** The end is missing: what is not named is not withdrawn. */
  readonly isTorn?: boolean;
}

const MAX_ROUTES = 1_000_000;

const routeSchema = z.object({
  prefix: z.string(),
  asPathLength: z.number().int().min(0).max(255).optional(),
  med: z.number().int().nonnegative().optional(),
  localPref: z.number().int().nonnegative().optional(),
  communities: z.array(z.string().min(1).max(32)).max(64).optional(),
});

export function parseRoutes(bytes: Buffer): ParsedRoutes {
  if (isMrt(bytes)) return parseMrt(bytes);
  const text = bytes.toString('utf8');
  const trimmed = text.replace(/^\uFEFF/, '').trimStart();
  return trimmed.startsWith('[') || trimmed.startsWith('{') ? parseJson(trimmed) : parseCsv(text);
}

function parseCsv(text: string): ParsedRoutes {
  const found = new Collector('line');
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  for (const [index, line] of lines.entries()) {
    const content = line.replace(/#.*/, '').trim();
    if (content === '' || /^prefix\b/i.test(content)) continue;
    found.add(index + 1, routeOfFields(content.split(',').map((field) => field.trim())));
  }
  return found.result();
}

function routeOfFields(fields: readonly string[]): unknown {
  const [prefix = '', asPathLength = '', med = '', localPref = '', communities = '', ...more] = fields;
  if (more.length > 0) return `has ${fields.length} fields instead of at most 5`;
  const number = (name: string, text: string): Record<string, number> => (text === '' ? {} : { [name]: Number(text) });
  return {
    prefix,
    ...number('asPathLength', asPathLength),
    ...number('med', med),
    ...number('localPref', localPref),
    ...(communities === '' ? {} : { communities: communities.split(/\s+/) }),
  };
}

function parseJson(text: string): ParsedRoutes {
  const found = new Collector('entry');
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    return { routes: [], problems: [`not JSON: ${messageOf(error)}`] };
  }
  const list = typeof document === 'object' && document !== null && 'routes' in document ? document.routes : document;
  if (!Array.isArray(list)) return { routes: [], problems: ["must be a list, or an object with a list as 'routes'"] };
  for (const [index, entry] of list.entries()) {
    found.add(index + 1, typeof entry === 'string' ? { prefix: entry } : entry);
  }
  return found.result();
}

/** A dump that is cut off counts up to there, and the problem says where. */
function parseMrt(bytes: Buffer): ParsedRoutes {
  const all: AnnouncedRoute[] = [];
  const reading = readMrt(bytes);
  let step = reading.next();
  for (; step.done !== true; step = reading.next()) all.push(step.value);
  const best = bestPaths(all);
  const problems = step.value.problem === undefined ? [] : [step.value.problem];
  if (best.length > MAX_ROUTES) problems.push(`more than ${MAX_ROUTES} routes`);
  return { routes: best.slice(0, MAX_ROUTES), problems, isTorn: step.value.problem !== undefined };
}

class Collector {
  readonly #unit: string;
  readonly #routes = new Map<string, Route>();
  readonly #problems: string[] = [];

  constructor(unit: string) {
    this.#unit = unit;
  }

  /** @param candidate an unchecked route, or a text that says what is wrong with it */
  add(number: number, candidate: unknown): void {
    const problem = typeof candidate === 'string' ? candidate : this.#check(candidate);
    if (problem !== undefined) this.#problems.push(`${this.#unit} ${number}: ${problem}`);
  }

  result(): ParsedRoutes {
    return { routes: [...this.#routes.values()], problems: this.#problems };
  }

  #check(candidate: unknown): string | undefined {
    const checked = routeSchema.safeParse(candidate);
    if (!checked.success) {
      const [issue] = checked.error.issues;
      return `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not a route'}`;
    }
    const { prefix, asPathLength, med, localPref, communities } = checked.data;
    if (!isPrefix(prefix)) return `'${prefix.slice(0, 60)}' is not ADDRESS/LENGTH`;
    if (this.#routes.has(prefix)) return `${prefix} was named before`;
    if (this.#routes.size >= MAX_ROUTES) return `more than ${MAX_ROUTES} routes`;
    this.#routes.set(prefix, {
      prefix,
      ...(asPathLength === undefined ? {} : { asPathLength }),
      ...(med === undefined ? {} : { med }),
      ...(localPref === undefined ? {} : { localPref }),
      ...(communities === undefined ? {} : { communities }),
    });
    return undefined;
  }
}

function isPrefix(text: string): boolean {
  const match = /^([0-9a-fA-F:.]+)\/(\d{1,3})$/.exec(text);
  if (match === null) return false;
  const [, address = '', length = ''] = match;
  return (isIPv4(address) && Number(length) <= 32) || (isIPv6(address) && Number(length) <= 128);
}
