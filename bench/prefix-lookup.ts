import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatTable } from '../src/cli/table.ts';
import { loadTable } from '../steering/routing/files/load-table.ts';
import { formatAddress, type IpAddress, maskAddress } from '../steering/routing/ip-address.ts';
import { PrefixTable } from '../steering/routing/prefix-table.ts';
import { type Routes, routesOf } from '../steering/routing/route-table.ts';
import { describeMachine } from './machine.ts';
import { seededRandom } from './workloads/trace.ts';

/**
 * What it takes to know where clients are: a table of so many prefixes is read as steering reads it (in a thread, from
 * CSV), then asked for random addresses, most of them inside a prefix, one in five of IPv6. Each answer of a sample is
 * held against a matcher that looks up every length in turn and shares nothing with the table but the rows.
 */
const BATCH = 1000;
const BATCHES = 400;
const CHECKED = 100_000;
const SITES = 500;
const NO_RULES = { maxShare: 1, minStretches: Number.MAX_SAFE_INTEGER };

export async function benchPrefixLookup(prefixes: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'oca-bench-prefixes-'));
  const { rows, addresses } = makeRows(prefixes);
  const file = join(folder, 'prefixes.csv');
  writeFileSync(file, [...rows].map(([prefix, site]) => `${prefix},${site}`).join('\n'));
  const beforeBytes = process.memoryUsage().rss;
  const startMs = performance.now();
  const parsed = await loadTable({ kind: 'prefixes', file, standing: undefined, rules: NO_RULES });
  const loadMs = performance.now() - startMs;
  rmSync(folder, { recursive: true });
  if (parsed.kind === 'broken') throw new Error(`the table cannot be read: ${parsed.problems[0]}`);
  const { ipv4, ipv6: long } = parsed.table;
  const tableBytes = [ipv4, long].reduce(
    (sum, { starts, values, lengths, before }) =>
      sum + starts.byteLength + values.byteLength + lengths.byteLength + before.byteLength,
    0,
  );
  const grownBytes = process.memoryUsage().rss - beforeBytes;
  const routes = routesOf(new PrefixTable(parsed.table));
  const { micros, found } = timeLookups(routes, addresses);
  const wrong = addresses.slice(0, CHECKED).filter((address) => {
    const match = routes.find(address);
    const text = match === undefined ? undefined : `${formatAddress(match.prefix.address)}/${match.prefix.length}`;
    return text !== slowMatch(address, rows) || match?.siteId !== (text === undefined ? undefined : rows.get(text));
  }).length;
  const result = {
    prefixes,
    loadMs: Math.round(loadMs),
    tableMiB: round(tableBytes / 2 ** 20),
    grownMiB: round(grownBytes / 2 ** 20),
    meanMicros: round(micros.reduce((sum, one) => sum + one, 0) / micros.length),
    p99BatchMicros: round(micros[Math.floor(micros.length * 0.99)] ?? 0),
    foundShare: round(found / (BATCH * BATCHES)),
    checked: Math.min(CHECKED, addresses.length),
    wrong,
  };
  const out = join(import.meta.dirname, 'results');
  mkdirSync(out, { recursive: true });
  const name = join(out, `prefixes-${new Date().toISOString().slice(0, 10)}.json`);
  writeFileSync(name, `${JSON.stringify({ machine: describeMachine(), result }, null, 2)}\n`);
  const names = [
    'PREFIXES',
    'LOAD ms',
    'TABLE MiB',
    'RSS GROWN MiB',
    'FIND us',
    'P99 OF BATCHES us',
    'FOUND',
    'CHECKED',
    'WRONG',
  ];
  process.stdout.write(`${formatTable(names, [Object.values(result).map(String)])}\n${name}\n`);
  if (wrong > 0) process.exitCode = 1;
}

function makeRows(prefixes: number): { rows: ReadonlyMap<string, string>; addresses: readonly IpAddress[] } {
  const random = seededRandom(prefixes);
  const rows = new Map<string, string>();
  const addresses: IpAddress[] = [];
  while (rows.size < prefixes) {
    const isIpv6 = rows.size % 5 === 0;
    const length = isIpv6 ? 29 + Math.floor(random() * 20) : 12 + Math.floor(random() * 13);
    const inside = isIpv6 ? ipv6(random) : { words: [ipv4Word(random)] };
    rows.set(`${formatAddress(maskAddress(inside, length))}/${length}`, `site-${Math.floor(random() * SITES)}`);
    if (addresses.length < BATCH * BATCHES) addresses.push(random() < 0.9 ? inside : { words: [ipv4Word(random)] });
  }
  return { rows, addresses };
}

/** @returns for each batch, ascending, what one lookup cost in the mean, and how many addresses were found */
function timeLookups(routes: Routes, addresses: readonly IpAddress[]): { micros: number[]; found: number } {
  const micros: number[] = [];
  let found = 0;
  for (let batch = 0; batch < BATCHES; batch += 1) {
    const beganMicros = threadMicros();
    for (let at = 0; at < BATCH; at += 1) {
      const address = addresses[(batch * BATCH + at) % addresses.length];
      if (address !== undefined && routes.find(address) !== undefined) found += 1;
    }
    micros.push((threadMicros() - beganMicros) / BATCH);
  }
  return { micros: micros.sort((a, b) => a - b), found };
}

/** The longest prefix by trying every length. */
function slowMatch(address: IpAddress, rows: ReadonlyMap<string, string>): string | undefined {
  for (let length = address.words.length * 32; length >= 0; length -= 1) {
    const text = `${formatAddress(maskAddress(address, length))}/${length}`;
    if (rows.has(text)) return text;
  }
  return undefined;
}

/** CPU time of this thread: others may share the machine. */
function threadMicros(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

/** Public unicast without the special-purpose blocks: 11 to 99. */
const ipv4Word = (random: () => number): number =>
  ((11 + Math.floor(random() * 88)) * 2 ** 24 + Math.floor(random() * 2 ** 24)) >>> 0;

const ipv6 = (random: () => number): IpAddress => ({
  words: [0x26000000 + Math.floor(random() * 2 ** 24), ...[0, 0, 0].map(() => Math.floor(random() * 2 ** 32))],
});

const round = (value: number): number => Math.round(value * 100) / 100;
