import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { ensureSystemPackages } from '../deploy/demo/ensure-system-packages.ts';
import { ProgressLine } from '../src/cli/progress-line.ts';
import type { CaseName, Figures } from './peers/figures.ts';
import { giveLargePages } from './peers/host-pages.ts';
import { type HotLoad, measureHot, measureIdle, measureMix } from './peers/measure.ts';
import { checkBytes, warm } from './peers/media-set.ts';
import { PEER_KINDS, PEER_NAMES, type PeerName } from './peers/peer-kinds.ts';
import type { PeerProcess } from './peers/peer-process.ts';
import type { Purpose } from './peers/peer-setup.ts';
import { profileEngine } from './peers/profile.ts';
import { reportPeers } from './peers/report.ts';
import { RoundLog } from './peers/rounds.ts';
import { allCores, dropPageCache, HOT, Stage } from './peers/stage.ts';
import { fastShareOf, hasPrototype } from './peers/start-ours.ts';
import { killLoads, writeOnceScript, writeRangeScript } from './peers/wrk-load.ts';

/**
 * What the same bytes cost our engines and others that an operator may choose: all in one run, on the same two cores, one
 * right after the other, because a figure of such a machine is worth nothing without one from the same minute.
 *
 * Processor time is taken with the server on one core and the load on the other. A server that shares its core with the
 * load that it causes says what a machine gives, not what a byte costs: that is the second table, where both may use both
 * cores. Ratios are taken within a round, between servers that ran next to each other, and of those the median.
 */
const SERVER_CORE = 1;
const LOAD_CORE = 0;
const SIZES = { '16k': 16_384, '64k': 65_536, '1m': 2 ** 20, '4m': 4 * 2 ** 20 } as const;
const CONNECTIONS = 32;
const TLS_RANGE_BYTES = 2 * 2 ** 20;
const LEAST_FAST_SHARE = 0.95;
/** Of the mix against other loads: queues of disks take a while to fill. */
const MIX_LENGTH = 3;
const WARM_SEC = 4;
const COLD_FILES = { quick: 64, full: 512 };

export interface PeerOptions {
  readonly cases: readonly CaseName[];
  readonly servers: readonly PeerName[];
  readonly rounds: number;
  readonly seconds: number;
  readonly isQuick: boolean;
}

interface Phase {
  readonly purpose: Purpose;
  readonly cores: readonly number[];
  readonly cases: readonly CaseName[];
}

const PHASES: readonly Phase[] = [
  { purpose: 'hot', cores: [SERVER_CORE], cases: ['cpu-16k', 'cpu-64k', 'cpu-1m', 'cpu-4m'] },
  { purpose: 'hot', cores: allCores(), cases: ['both-16k', 'both-64k', 'both-1m', 'both-4m'] },
  { purpose: 'mix', cores: allCores(), cases: ['mix'] },
  { purpose: 'idle', cores: allCores(), cases: ['idle'] },
  { purpose: 'tls', cores: [SERVER_CORE], cases: ['tls'] },
];

/** @returns whether our own engines could be measured everywhere */
export async function benchPeers(options: PeerOptions): Promise<boolean> {
  if (allCores().length < 2) throw new Error('takes two cores: one for the server, one for the load');
  const remarks = new Set<string>();
  if (giveLargePages() === 0) remarks.add('memory in pages of 4 KiB: no root, or a kernel before 6.11');
  const servers = await presentServers(options.servers, (line) => remarks.add(line));
  const phases = PHASES.map((phase) => ({
    ...phase,
    cases: phase.cases.filter((name) => options.cases.includes(name)),
    servers: servers.filter((name) => PEER_KINDS[name].purposes.includes(phase.purpose)),
  })).filter(({ cases }) => cases.length > 0);
  const turns = phases.reduce((sum, { cases, servers: { length } }) => sum + cases.length * length * options.rounds, 0);
  const log = new RoundLog(new ProgressLine(process.stderr), turns);
  log.show('writing the files');
  const coldFiles = options.cases.includes('mix') ? COLD_FILES[options.isQuick ? 'quick' : 'full'] : 0;
  const stage = await Stage.set(coldFiles);
  const report = (): void => {
    for (const problem of log.problems) remarks.add(problem);
    reportPeers(log.rounds, { options, remarks: [...remarks], versions: versionsOf(servers) });
  };
  const interrupted = (): void => {
    killLoads();
    log.end();
    remarks.add('ended by hand: later cases have fewer rounds, or none');
    if (log.rounds.length > 0) report();
    void stage.clear().finally(() => process.exit(130));
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, interrupted);
  try {
    for (const phase of phases) await runPhase(stage, phase, { options, log, remarks });
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, interrupted);
    log.end();
    await stage.clear();
  }
  report();
  return !log.problems.some((problem) => /\b(fast|reference):/.test(problem));
}

/** Where the processor time of the engines goes that are among the servers, for one size. */
export async function profilePeers({ servers, cases, seconds }: PeerOptions): Promise<void> {
  giveLargePages();
  const caseName = cases.find((name) => name.startsWith('cpu-')) ?? 'cpu-64k';
  const rangeBytes = SIZES[caseName.split('-')[1] as keyof typeof SIZES];
  for (const engine of ['fast', 'reference'] as const) {
    if (!servers.includes(engine)) continue;
    await profileEngine(engine, { rangeBytes, seconds, cores: { server: SERVER_CORE, load: LOAD_CORE } });
  }
}

interface Run {
  readonly options: PeerOptions;
  readonly log: RoundLog;
  readonly remarks: Set<string>;
}

async function runPhase(
  stage: Stage,
  phase: Phase & { readonly servers: readonly PeerName[] },
  { options, log, remarks }: Run,
): Promise<void> {
  const { purpose, cores } = phase;
  const scripts = writeScripts(stage);
  const load = (rangeBytes: number, seconds = options.seconds): HotLoad => ({
    script: scripts.hot(rangeBytes),
    connections: CONNECTIONS,
    seconds,
    cores: cores.length === 1 ? [LOAD_CORE] : cores,
    rangeBytes,
  });
  if (purpose === 'idle') {
    const measure = async (_: CaseName, name: PeerName): Promise<Figures> => {
      const server = await startChecked(stage, name, phase);
      try {
        return await measureIdle(server, load(65_536, Math.max(1, Math.floor(options.seconds / 2))));
      } finally {
        await server.stop();
      }
    };
    return log.run({ rounds: options.rounds, cases: phase.cases, servers: phase.servers, measure });
  }
  if (purpose === 'mix' && !dropPageCache())
    remarks.add('the page cache was not dropped, which takes root: what is cold in the mix may not be');
  const running = new Map<PeerName, PeerProcess>();
  try {
    for (const name of phase.servers) {
      log.show(`starting ${name}, ${phase.cases[0]}`);
      try {
        const server = await startChecked(stage, name, phase);
        running.set(name, server);
        // So that compilers have done their part and pools are as large as they get.
        await measureHot(server, load(purpose === 'tls' ? TLS_RANGE_BYTES : 65_536, options.isQuick ? 2 : WARM_SEC));
      } catch (error) {
        log.problems.push(`${phase.cases.join(', ')}, ${name}: ${String(error)}`);
      }
    }
    const mix = new MixTurns(scripts, cores, options.seconds);
    const measure = (caseName: CaseName, name: PeerName): Promise<Figures> => {
      const server = running.get(name);
      if (server === undefined) throw new Error('was not started');
      if (purpose === 'mix') return mix.measure(name, server);
      const size = SIZES[caseName.split('-')[1] as keyof typeof SIZES] ?? TLS_RANGE_BYTES;
      return measureHot(server, load(size));
    };
    await log.run({ rounds: options.rounds, cases: phase.cases, servers: [...running.keys()], measure });
  } finally {
    for (const [name, server] of running) {
      if (name === 'fast' && purpose !== 'tls') await remarkShare(server, phase, remarks);
      await server.stop();
    }
  }
}

/** Each turn of a server goes on where its last one ended, so that nothing is asked for twice before all was. */
class MixTurns {
  readonly #scripts: Scripts;
  readonly #cores: readonly number[];
  readonly #seconds: number;
  readonly #asked = new Map<PeerName, number>();

  constructor(scripts: Scripts, cores: readonly number[], seconds: number) {
    this.#scripts = scripts;
    this.#cores = cores;
    this.#seconds = seconds * MIX_LENGTH;
  }

  async measure(name: PeerName, server: PeerProcess): Promise<Figures> {
    const coldBehind = this.#asked.get(name) ?? 0;
    const given = { hotScript: this.#scripts.hot(65_536), coldScript: this.#scripts.cold, cores: this.#cores };
    const { coldRequests, ...figures } = await measureMix(server, { ...given, coldBehind, seconds: this.#seconds });
    this.#asked.set(name, coldBehind + coldRequests);
    return figures;
  }
}

/** What is measured as the fast engine must be the fast engine. What warmed it went another way, and is little. */
async function remarkShare(server: PeerProcess, { cases }: Phase, remarks: Set<string>): Promise<void> {
  const share = await fastShareOf(server).catch(() => undefined);
  if (share !== undefined && share > LEAST_FAST_SHARE) return;
  const percent = share === undefined ? 'an unknown share' : `only ${(share * 100).toFixed(1)} %`;
  remarks.add(`${cases.join(', ')}: ${percent} of the requests to the fast engine took the fast path`);
}

/** Everything that it shall serve from memory or disk is there, and is right. */
async function startChecked(stage: Stage, name: PeerName, { purpose, cores }: Phase): Promise<PeerProcess> {
  const server = await stage.start(name, purpose, cores);
  if (purpose === 'mix') await warm(server.url, stage.cold, 1);
  await warm(server.url, HOT, 2);
  await checkBytes(server.url, HOT);
  if (purpose === 'mix') await checkBytes(server.url, stage.cold);
  return server;
}

interface Scripts {
  readonly hot: (rangeBytes: number) => string;
  readonly cold: string;
}

function writeScripts(stage: Stage): Scripts {
  const cold = join(stage.folder, 'cold.lua');
  if (stage.cold.count > 0) writeOnceScript(cold, stage.cold);
  return {
    cold,
    hot: (rangeBytes) => {
      const script = join(stage.folder, `hot-${rangeBytes}.lua`);
      writeRangeScript(script, HOT, rangeBytes);
      return script;
    },
  };
}

/** Who of those wanted is on this machine; says of the others why not. */
async function presentServers(wanted: readonly PeerName[], say: (line: string) => void): Promise<PeerName[]> {
  const tell = (line: string): void => void process.stderr.write(`${line}\n`);
  const needed = await ensureSystemPackages(['nginx', 'wrk'], tell);
  // nginx is also the origin behind the caches.
  if (needed.kind === 'missing') throw new Error(needed.lines.join('\n'));
  const absent = new Set<PeerName>();
  for (const name of ['varnish', 'trafficserver'] as const) {
    if (!wanted.includes(name)) continue;
    const answer = await ensureSystemPackages([name], tell);
    if (answer.kind === 'ready') continue;
    absent.add(name);
    say(`left out ${PEER_KINDS[name].label}: ${answer.lines.join('; ')}`);
  }
  if (wanted.includes('prototype') && !hasPrototype()) {
    absent.add('prototype');
    say('left out the prototype of the fast path: it is not here');
  }
  return PEER_NAMES.filter((name) => wanted.includes(name) && !absent.has(name));
}

function versionsOf(servers: readonly PeerName[]): Record<string, string> {
  const words: Partial<Record<PeerName, readonly [string, string]>> = {
    nginx: ['nginx', '-v'],
    varnish: ['varnishd', '-V'],
    trafficserver: ['traffic_server', '-V'],
  };
  return Object.fromEntries(
    servers.flatMap((name) => {
      const [command, flag] = words[name] ?? [];
      if (command === undefined || flag === undefined) return [];
      const said = execFileSync('sh', ['-c', `${command} ${flag} 2>&1`], { encoding: 'utf8' });
      return [[name, /\d+\.\d+\.\d+/.exec(said)?.[0] ?? said.slice(0, 40)]];
    }),
  );
}
