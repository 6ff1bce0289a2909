/**
 * What BIRD prints, in values (BIRD 2.0 to 2.15, `show protocols all` and `show route all`).
 *
 * The text is made for people, so only what identifies a thing is relied on: a prefix or the kind of a route begins a
 * path, a tab begins an attribute. Traps: further paths of a prefix leave the prefix out; `unreachable` and `blackhole`
 * say that this machine does not forward there, the ISP announced it all the same; routes from inside have an empty
 * path.
 */
import type { AnnouncedRoute } from './announced-route.ts';

const PATH = /^(?:([0-9a-fA-F.:]+\/\d{1,3}) +| +)(?:unicast|unreachable|blackhole|prohibit)\b/;
const ATTRIBUTE = /^\tBGP\.([a-z_]+): ?(.*)$/;
const COMMUNITY = /\(([\d, ]+)\)/g;

/** Takes the lines of a reply to `show route all`, one by one: a table of a million routes is never one text. */
export class BirdRouteReader {
  readonly routes: AnnouncedRoute[] = [];
  #prefix: string | undefined;
  #attributes: Map<string, string> | undefined;

  line(text: string): void {
    const attribute = ATTRIBUTE.exec(text);
    if (attribute !== null) {
      this.#attributes?.set(attribute[1] ?? '', attribute[2] ?? '');
      return;
    }
    const path = PATH.exec(text);
    if (path === null) return;
    this.end();
    this.#prefix = path[1] ?? this.#prefix;
    this.#attributes = new Map();
  }

  /** The last route is complete too. */
  end(): void {
    const attributes = this.#attributes;
    if (this.#prefix === undefined || attributes === undefined) return;
    this.#attributes = undefined;
    const asPath = attributes.get('as_path') ?? '';
    this.routes.push({
      prefix: this.#prefix,
      asPath,
      asPathLength: lengthOfPath(asPath),
      med: numberOf(attributes.get('med')),
      localPref: numberOf(attributes.get('local_pref')),
      communities: ['community', 'large_community'].flatMap((name) => communitiesOf(attributes.get(name) ?? '')),
      peerAsn: undefined,
    });
  }
}

/** How a BGP protocol stands. */
export interface BirdSession {
  readonly isEstablished: boolean;
  /** `Established`, or what BIRD says instead: `Active`, `Connect  Socket: Connection refused`, `down`. */
  readonly says: string;
  /** Changes whenever a route was announced or withdrawn, and when the session began anew. */
  readonly fingerprint: string;
}

const COUNTERS = /^\s+(?:Routes|Import updates|Import withdraws|State):/;

/** Reads the reply to `show protocols all NAME`; undefined when there is no such protocol in it. */
export function parseBirdSession(lines: readonly string[], name: string): BirdSession | undefined {
  const row = lines.map((line) => line.trim().split(/\s+/)).find(([first]) => first === name);
  if (row === undefined) return undefined;
  const [, , , state = '', since = '', ...info] = row;
  const says = info.join(' ') || state;
  const counters = lines.filter((line) => COUNTERS.test(line)).map((line) => line.trim());
  return { isEstablished: says === 'Established', says, fingerprint: [since, says, ...counters].join('\n') };
}

/** As RFC 4271 section 9.1.2.2 counts: a set `{...}` is one, a confederation `(...)` or `[...]` nothing. */
function lengthOfPath(asPath: string): number {
  const outside = asPath.replace(/\([^)]*\)|\[[^\]]*\]/g, ' ').replace(/\{[^}]*\}/g, ' set ');
  return outside.split(/\s+/).filter((hop) => hop !== '').length;
}

const numberOf = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;

const communitiesOf = (text: string): string[] =>
  [...text.matchAll(COMMUNITY)].map(([, parts = '']) => parts.split(/,\s*/).join(':'));
