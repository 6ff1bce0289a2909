/*
 * The demo, the tests and the benches need things that npm cannot bring: a browser, ffmpeg, nginx and other caches to
 * compare with, BIRD, bindfs, an object store and systemd-analyze. On a fresh Debian, as root (a container, a CI machine), asking the reader to install them would be a
 * third command in a README that promises two, so they are installed here. Everywhere else nothing is touched: the
 * answer names exactly what is missing and the command that brings it.
 *
 * Installing nginx would start it, on port 80, and again at every boot: Debian starts a service as its package is
 * configured. While apt runs, a `policy-rc.d` (the interface that invoke-rc.d and deb-systemd-invoke ask) refuses
 * the services that are installed here and nothing else, and only as long as this process lives, so that one left
 * behind by a kill -9 refuses nothing. A policy that is there already belongs to the machine and stays: it is there to refuse (containers).
 */
import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

export type SystemPackageName =
  | 'bindfs'
  | 'bird'
  | 'chromium'
  | 'ffmpeg'
  | 'nginx'
  | 'swift'
  | 'systemd'
  | 'trafficserver'
  | 'varnish'
  | 'wrk';

interface SystemPackage {
  readonly debianPackage: string;
  /** Each inner list holds names of one and the same command; one of them must exist. */
  readonly commands: readonly (readonly string[])[];
  /** Modules of Debian's own Python that must exist. */
  readonly pythonModules?: readonly string[];
  /** What Debian would start with the package. */
  readonly service?: string;
}

const systemPackages: Readonly<Record<SystemPackageName, SystemPackage>> = {
  bindfs: { debianPackage: 'bindfs', commands: [['bindfs']] },
  bird: { debianPackage: 'bird2', commands: [['bird']], service: 'bird' },
  chromium: { debianPackage: 'chromium', commands: [['chromium', 'chromium-browser', 'google-chrome']] },
  ffmpeg: { debianPackage: 'ffmpeg', commands: [['ffmpeg'], ['ffprobe']] },
  nginx: { debianPackage: 'nginx-light', commands: [['nginx']], service: 'nginx' },
  // The servers as a library: the packages of its services would bring rsyslog, uwsgi and rsync, and start them.
  swift: { debianPackage: 'python3-swift', commands: [], pythonModules: ['swift'] },
  systemd: { debianPackage: 'systemd', commands: [['systemd-analyze']] },
  trafficserver: { debianPackage: 'trafficserver', commands: [['traffic_server']], service: 'trafficserver' },
  varnish: { debianPackage: 'varnish', commands: [['varnishd']], service: 'varnish' },
  wrk: { debianPackage: 'wrk', commands: [['wrk']] },
};

const updateTimeoutMs = 300_000;
const installTimeoutMs = 1_200_000;
const switchOffTimeoutMs = 30_000;
const policyMark =
  'Keeps apt from starting services while open-cdn-appliance installs it for its tests. Safe to delete.';
const outputBytesMax = 16 * 1024 * 1024;
const shownLinesMax = 15;

/** What this machine is, as far as installing is concerned; tests hand in one of their own. */
export interface Machine {
  /** Folders that hold commands. */
  readonly commandFolders: readonly string[];
  /** Folders that hold modules of Debian's own Python. */
  readonly pythonFolders: readonly string[];
  readonly isRoot: boolean;
  /** Where Debian asks whether a package may start its service. */
  readonly policyFile: string;
  /** Exists while systemd runs the machine. */
  readonly systemdFolder: string;
}

/** nginx lives in /usr/sbin, which is not on the PATH of an ordinary user. */
export const thisMachine: Machine = {
  commandFolders: [
    ...(process.env['PATH'] ?? '').split(path.delimiter).filter((folder) => path.isAbsolute(folder)),
    '/usr/local/sbin',
    '/usr/sbin',
    '/sbin',
  ],
  pythonFolders: ['/usr/lib/python3/dist-packages'],
  isRoot: process.getuid?.() === 0,
  policyFile: '/usr/sbin/policy-rc.d',
  systemdFolder: '/run/systemd/system',
};

export type SystemPackagesAnswer =
  | { readonly kind: 'ready' }
  /** `lines` name what is missing, why it was not installed, and the command that does it. */
  | { readonly kind: 'missing'; readonly names: readonly SystemPackageName[]; readonly lines: readonly string[] };

/**
 * Makes sure that the named programs are there: installs those that are missing where that is allowed (root, apt-get),
 * else answers what is missing. `report` gets one line before anything is installed.
 */
export async function ensureSystemPackages(
  names: readonly SystemPackageName[],
  report: (line: string) => void,
  machine: Machine = thisMachine,
): Promise<SystemPackagesAnswer> {
  const missing = await missingOf(names, machine);
  if (missing.length === 0) return { kind: 'ready' };
  const aptGet = await findExecutable(['apt-get'], machine);
  if (aptGet === undefined || !machine.isRoot) {
    const reason = aptGet === undefined ? 'there is no apt-get here' : 'installing takes root';
    return refusal(missing, reason, machine);
  }
  report(`installing ${debianNames(missing)} with apt-get, once (a few minutes on a slow network)`);
  const failure = await install(aptGet, missing, machine);
  const still = await missingOf(names, machine);
  return still.length === 0 ? { kind: 'ready' } : refusal(still, 'apt-get did not bring it', machine, failure);
}

/** The absolute path of the first command of the package (`chromium`, `nginx`, ...); undefined when it is not there. */
export function findSystemCommand(
  name: SystemPackageName,
  machine: Machine = thisMachine,
): Promise<string | undefined> {
  return findExecutable(systemPackages[name].commands[0] ?? [], machine);
}

async function missingOf(names: readonly SystemPackageName[], machine: Machine): Promise<SystemPackageName[]> {
  const missing: SystemPackageName[] = [];
  for (const name of names) {
    const { commands, pythonModules = [] } = systemPackages[name];
    const found = await Promise.all([
      ...commands.map((same) => findExecutable(same, machine)),
      ...pythonModules.map((module) => findModule(module, machine)),
    ]);
    if (found.includes(undefined)) missing.push(name);
  }
  return missing;
}

async function findExecutable(sameCommands: readonly string[], machine: Machine): Promise<string | undefined> {
  for (const command of sameCommands) {
    for (const folder of machine.commandFolders) {
      const candidate = path.join(folder, command);
      if (await isExecutable(candidate)) return candidate;
    }
  }
  return undefined;
}

async function findModule(module: string, machine: Machine): Promise<string | undefined> {
  for (const folder of machine.pythonFolders) {
    const candidate = path.join(folder, module, '__init__.py');
    const isThere = await access(candidate, constants.R_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return candidate;
  }
  return undefined;
}

function isExecutable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}

function refusal(
  names: readonly SystemPackageName[],
  reason: string,
  machine: Machine,
  detail?: string,
): SystemPackagesAnswer {
  const commands = names.flatMap((name) => [
    ...systemPackages[name].commands.map((same) => same.join(' or ')),
    ...(systemPackages[name].pythonModules ?? []).map((module) => `Python's ${module}`),
  ]);
  const apt = `apt-get install -y --no-install-recommends ${debianNames(names)}`;
  return {
    kind: 'missing',
    names,
    lines: [
      `missing: ${commands.join(', ')} (${reason})`,
      `install with: ${machine.isRoot ? '' : 'sudo '}${apt}   (Debian; elsewhere by its own package manager)`,
      ...(detail?.split('\n') ?? []),
    ],
  };
}

function debianNames(names: readonly SystemPackageName[]): string {
  return names.map((name) => systemPackages[name].debianPackage).join(' ');
}

/** Undefined when apt-get was content, else the end of what it said. */
async function install(
  aptGet: string,
  names: readonly SystemPackageName[],
  machine: Machine,
): Promise<string | undefined> {
  const removePolicy = await refuseToStartServices(machine);
  try {
    const update = await run(aptGet, ['-o', 'DPkg::Lock::Timeout=180', 'update'], updateTimeoutMs, machine);
    // A list that could not be refreshed (no network, one source down) may still do: the install decides.
    const packages = names.map((name) => systemPackages[name].debianPackage);
    const options = ['-o', 'DPkg::Lock::Timeout=180', 'install', '-y', '--no-install-recommends'];
    const installed = await run(aptGet, [...options, ...packages], installTimeoutMs, machine);
    if (installed !== undefined) return [installed, update].filter((part) => part !== undefined).join('\n');
    for (const service of servicesOf(names)) await keepOffAtBoot(service, machine);
    return undefined;
  } finally {
    await removePolicy();
  }
}

const servicesOf = (names: readonly SystemPackageName[]): string[] =>
  names.map((name) => systemPackages[name].service).filter((service) => service !== undefined);

/** Writes the policy of the head comment where there is none but our own. Gives back what removes it. */
async function refuseToStartServices(machine: Machine): Promise<() => Promise<void>> {
  const services = servicesOf(Object.keys(systemPackages) as SystemPackageName[]);
  const refused = services.map((service) => `*" ${service} "* | *" ${service}.service "*`).join(' | ');
  const policy = [
    '#!/bin/sh',
    `# ${policyMark}`,
    `kill -0 ${process.pid} 2>/dev/null || exit 0`,
    `case " $* " in ${refused}) exit 101 ;; esac`,
    'exit 0',
    '',
  ].join('\n');
  const present = await readFile(machine.policyFile, 'utf8').catch(() => undefined);
  if (present !== undefined && !present.includes(policyMark)) return () => Promise.resolve();
  await writeFile(machine.policyFile, policy, { mode: 0o755 });
  return () => rm(machine.policyFile, { force: true });
}

/** Installed for the tests only, so it must not come up with the machine, nor stay up where a policy let it start. */
async function keepOffAtBoot(service: string, machine: Machine): Promise<void> {
  const systemctl = await findExecutable(['systemctl'], machine);
  if (systemctl === undefined || !(await isExecutable(machine.systemdFolder))) return;
  await run(systemctl, ['disable', '--now', '--quiet', `${service}.service`], switchOffTimeoutMs, machine);
}

/** Undefined when the command succeeded, else the end of what it said. */
function run(
  command: string,
  args: readonly string[],
  timeoutMs: number,
  machine: Machine,
): Promise<string | undefined> {
  const environment = {
    ...process.env,
    DEBIAN_FRONTEND: 'noninteractive',
    LC_ALL: 'C.UTF-8',
    PATH: machine.commandFolders.join(path.delimiter),
  };
  return new Promise((resolve) => {
    execFile(
      command,
      args,
      { env: environment, timeout: timeoutMs, maxBuffer: outputBytesMax },
      (error, stdout, stderr) => {
        if (error === null) return resolve(undefined);
        const said = `${stdout}${stderr}`.trim().split('\n').slice(-shownLinesMax).join('\n');
        const ending = error.killed === true ? `stopped after ${timeoutMs / 1000} s` : `exit ${String(error.code)}`;
        resolve(`${path.basename(command)} ${args.at(-1)}: ${ending}\n${said}`);
      },
    );
  });
}
