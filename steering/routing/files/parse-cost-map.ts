import { z } from 'zod';
import { siteIdSchema } from '../../../src/contracts/ids.ts';
import { messageOf } from '../../../src/errors/operational-error.ts';
import { buildSorted } from '../build-prefix-table.ts';
import { comparePrefixes, formatPrefix, type IpPrefix, isIpv4, parsePrefix } from '../ip-address.ts';
import { SortedPrefixes } from '../prefix-rows.ts';
import type { SiteCosts } from '../route-table.ts';
import type { ParsedTable } from './load-table.ts';
import { isJson, linesOf } from './prefix-file-rows.ts';
import { type PlainRow, readPlainRow } from './read-plain-row.ts';

/**
 * What each site costs the ISP for each of its prefixes: lines of `PREFIX,SITE,COST`, a JSON array of `{"prefix",
 * "site", "cost"}`, or the maps of ALTO (RFC 7285) in one document: `{"network-map": {"PID": {"ipv4": [...], "ipv6":
 * [...]}}, "cost-map": {"PID": {"SITE": COST}}}`. A cost is a number from 0 to 1e9 in whatever the ISP counts: IGP
 * metric, hops, kilometres. The rows of the longest prefix that holds a client count for him, those around it do not.
 *
 * As with the table of prefixes it is all or nothing. A million rows are kept as numbers; few of the lists of costs
 * that come out are different (an ISP has few places), so each is kept once.
 */
const MAX_COST = 1e9;
const MAX_PROBLEMS = 20;
const MAX_LISTS = 60_000;
/** With this factor an IPv4 address and its length are one number. */
const LENGTHS = 64;
const COMMA = 0x2c;
/** Everything else, right or wrong, is read with care. */
const PLAIN_COST = /^\d{1,9}(?:\.\d{1,6})?$/;

export function parseCostMap(bytes: Buffer): ParsedTable<SiteCosts> {
  const costs = new CostRows();
  if (isJson(bytes)) takeJson(bytes, costs);
  else takeCsv(bytes, costs);
  return costs.toTable();
}

function takeCsv(bytes: Buffer, costs: CostRows): void {
  const row: PlainRow = { word: 0, length: 0, siteStart: 0, siteEnd: 0 };
  let hasRows = false;
  for (const { number, start, end } of linesOf(bytes)) {
    const comma = bytes.lastIndexOf(COMMA, end - 1);
    const plain = comma > start ? readPlainRow(bytes, start, comma, row) : undefined;
    const cost = plain === undefined ? '' : bytes.toString('latin1', comma + 1, end).trimEnd();
    if (plain !== undefined && PLAIN_COST.test(cost)) {
      hasRows = true;
      const siteId = bytes.toString('latin1', plain.siteStart, plain.siteEnd);
      costs.addIpv4(number, plain.word, plain.length, { siteId, cost });
      continue;
    }
    const line = (bytes.toString('utf8', start, end).split('#')[0] ?? '').trim();
    if (line === '') continue;
    const cells = line.split(',').map((cell) => cell.trim().replace(/^"(.*)"$/, '$1'));
    const isHeader = !hasRows && cells[0]?.toLowerCase() === 'prefix';
    hasRows = true;
    if (isHeader) continue;
    if (cells.length === 3)
      costs.add(`line ${number}`, cells[0] ?? '', { siteId: cells[1] ?? '', cost: cells[2] ?? '' });
    else costs.refuse(`line ${number}: '${line}' is not PREFIX,SITE,COST`);
  }
}

const rowSchema = z.object({ prefix: z.string(), site: z.string(), cost: z.number() });
const altoSchema = z.object({
  'network-map': z.record(
    z.string(),
    z.object({ ipv4: z.array(z.string()).optional(), ipv6: z.array(z.string()).optional() }),
  ),
  'cost-map': z.record(z.string(), z.record(z.string(), z.number())),
});

function takeJson(bytes: Buffer, costs: CostRows): void {
  let document: unknown;
  try {
    document = JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    return costs.refuse(`file: is not JSON: ${messageOf(error)}`);
  }
  if (!Array.isArray(document)) return takeAlto(document, costs);
  for (const [index, item] of document.entries() as Iterable<[number, unknown]>) {
    const checked = rowSchema.safeParse(item);
    const where = `entry ${index + 1}`;
    if (checked.success)
      costs.add(where, checked.data.prefix, { siteId: checked.data.site, cost: String(checked.data.cost) });
    else costs.refuse(`${where}: is not {"prefix": TEXT, "site": TEXT, "cost": NUMBER}`);
  }
}

function takeAlto(document: unknown, costs: CostRows): void {
  const checked = altoSchema.safeParse(document);
  if (!checked.success) {
    const [issue] = checked.error.issues;
    return costs.refuse(
      `file: is neither a list nor an ALTO map: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`,
    );
  }
  const { 'network-map': networks, 'cost-map': costMap } = checked.data;
  for (const [pid, { ipv4 = [], ipv6 = [] }] of Object.entries(networks)) {
    for (const [siteId, cost] of Object.entries(costMap[pid] ?? {})) {
      for (const prefix of [...ipv4, ...ipv6]) costs.add(`PID ${pid}`, prefix, { siteId, cost: String(cost) });
    }
  }
}

/** The costs of one prefix, row by row; lists that begin alike share their beginning. */
interface CostList {
  readonly before: CostList | undefined;
  readonly siteId: string;
  readonly cost: number;
  readonly longer: Map<string, CostList>;
}

interface Ipv6Row {
  readonly prefix: IpPrefix;
  list: CostList;
}

/** Rows by prefix, and what is wrong with them. */
class CostRows {
  readonly #problems: string[] = [];
  #problemCount = 0;
  readonly #first = new Map<string, CostList>();
  readonly #sites = new Set<string>();
  /** By address and length in one number. */
  readonly #ipv4 = new Map<number, CostList>();
  readonly #ipv6 = new Map<string, Ipv6Row>();

  addIpv4(where: number | string, word: number, length: number, row: { siteId: string; cost: string }): void {
    const key = word * LENGTHS + length;
    const list = this.#extended(where, this.#ipv4.get(key), row);
    if (list !== undefined) this.#ipv4.set(key, list);
  }

  add(where: string, text: string, row: { siteId: string; cost: string }): void {
    const prefix = parsePrefix(text);
    if ('problem' in prefix) return this.refuse(`${where}: '${text}' ${prefix.problem}`);
    const { address, length } = prefix;
    if (isIpv4(address)) return this.addIpv4(where, address.words[0] ?? 0, length, row);
    const key = formatPrefix(prefix);
    const known = this.#ipv6.get(key);
    const list = this.#extended(where, known?.list, row);
    if (list === undefined) return;
    if (known === undefined) this.#ipv6.set(key, { prefix, list });
    else known.list = list;
  }

  refuse(problem: string): void {
    if (this.#problemCount < MAX_PROBLEMS) this.#problems.push(problem);
    this.#problemCount += 1;
  }

  toTable(): ParsedTable<SiteCosts> {
    if (this.#problemCount > 0) return { kind: 'broken', problems: this.#told() };
    const lists = new Lists();
    const ipv4 = this.#sortedIpv4(lists);
    const ipv6 = this.#sortedIpv6(lists);
    if (lists.isFull) return { kind: 'broken', problems: [`more than ${MAX_LISTS} different lists of costs`] };
    return { kind: 'table', table: buildSorted(ipv4, ipv6, lists.all).data };
  }

  #extended(
    where: number | string,
    list: CostList | undefined,
    { siteId, cost: text }: { siteId: string; cost: string },
  ): CostList | undefined {
    const place = typeof where === 'number' ? `line ${where}` : where;
    const key = `${siteId},${text}`;
    const known = (list?.longer ?? this.#first).get(key);
    if (known !== undefined) return known;
    const cost = text === '' ? Number.NaN : Number(text);
    const problem = this.#problemOf(siteId, cost, text);
    if (problem !== undefined) {
      this.refuse(`${place}: ${problem}`);
      return undefined;
    }
    for (let named = list; named !== undefined; named = named.before) {
      if (named.siteId !== siteId) continue;
      if (named.cost !== cost) this.refuse(`${place}: site ${siteId} costs ${cost} here and ${named.cost} before`);
      return list;
    }
    const extended: CostList = { before: list, siteId, cost, longer: new Map() };
    (list?.longer ?? this.#first).set(key, extended);
    return extended;
  }

  #problemOf(siteId: string, cost: number, text: string): string | undefined {
    if (!(cost >= 0 && cost <= MAX_COST)) return `'${text}' is no cost from 0 to ${MAX_COST}`;
    if (this.#sites.has(siteId)) return undefined;
    const checked = siteIdSchema.safeParse(siteId);
    if (!checked.success) return `site '${siteId}' ${checked.error.issues[0]?.message ?? 'is no site id'}`;
    this.#sites.add(siteId);
    return undefined;
  }

  #sortedIpv4(lists: Lists): SortedPrefixes {
    const keys = Float64Array.from(this.#ipv4.keys()).sort();
    const sorted = new SortedPrefixes(1, keys.length);
    for (const [row, key] of keys.entries()) {
      sorted.starts[row] = Math.floor(key / LENGTHS);
      sorted.lengths[row] = key % LENGTHS;
      sorted.sites[row] = lists.numberOf(this.#ipv4.get(key));
    }
    return sorted;
  }

  #sortedIpv6(lists: Lists): SortedPrefixes {
    const rows = [...this.#ipv6.values()].sort((a, b) => comparePrefixes(a.prefix, b.prefix));
    const sorted = new SortedPrefixes(4, rows.length);
    for (const [row, { prefix, list }] of rows.entries()) {
      sorted.starts.set(prefix.address.words, row * 4);
      sorted.lengths[row] = prefix.length;
      sorted.sites[row] = lists.numberOf(list);
    }
    return sorted;
  }

  #told(): string[] {
    const more = this.#problemCount - this.#problems.length;
    return more > 0 ? [...this.#problems, `and ${more} more`] : this.#problems;
  }
}

/** Every different list of costs once, whatever the order of its rows. */
class Lists {
  readonly all: SiteCosts[] = [];
  isFull = false;
  readonly #numbers = new Map<CostList, number>();
  readonly #byContent = new Map<string, number>();

  numberOf(list: CostList | undefined): number {
    if (list === undefined) return 0;
    const known = this.#numbers.get(list);
    if (known !== undefined) return known;
    const pairs: Array<[string, number]> = [];
    for (let at: CostList | undefined = list; at !== undefined; at = at.before) pairs.push([at.siteId, at.cost]);
    pairs.sort(([a], [b]) => (a < b ? -1 : 1));
    const number = this.#numberOfPairs(pairs);
    this.#numbers.set(list, number);
    return number;
  }

  #numberOfPairs(pairs: Array<[string, number]>): number {
    const content = JSON.stringify(pairs);
    const known = this.#byContent.get(content);
    if (known !== undefined) return known;
    if (this.all.length === MAX_LISTS) {
      this.isFull = true;
      return 0;
    }
    const number = this.all.push(new Map(pairs)) - 1;
    this.#byContent.set(content, number);
    return number;
  }
}
