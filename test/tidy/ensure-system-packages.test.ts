import { spawnSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ensureSystemPackages,
  findSystemCommand,
  type Machine,
  thisMachine,
} from '../../deploy/demo/ensure-system-packages.ts';

/** Linux counts processes up to 2^22. */
const processIdThatNeverIs = 2 ** 22 + 1;

let folder = '';
let machine: Machine;
let reported: string[] = [];

const report = (line: string): void => {
  reported.push(line);
};

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'oca-packages-'));
  await mkdir(path.join(folder, 'bin'));
  machine = {
    commandFolders: [path.join(folder, 'bin')],
    pythonFolders: [path.join(folder, 'python')],
    isRoot: true,
    policyFile: path.join(folder, 'policy-rc.d'),
    systemdFolder: path.join(folder, 'systemd'),
  };
  reported = [];
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function addCommand(name: string, script = 'exit 0'): Promise<void> {
  const file = path.join(folder, 'bin', name);
  await writeFile(file, `#!/bin/sh\n${script}\n`);
  await chmod(file, 0o755);
}

/** An apt-get that writes down how it was called, asks the policy as Debian does, and brings `commands`. */
async function addAptGet(commands: readonly string[], ending = 'exit 0'): Promise<void> {
  await addCommand(
    'apt-get',
    [
      `echo "apt-get $*" >>${folder}/calls`,
      'case "$*" in *update*) exit 0 ;; esac',
      `for service in "nginx start" "nginx.service start" "dbus start"; do`,
      `  ${folder}/policy-rc.d --quiet $service; echo "$service $?" >>${folder}/asked`,
      'done',
      ...commands.map((command) => `/bin/ln -s /bin/true ${folder}/bin/${command}`),
      ending,
    ].join('\n'),
  );
}

async function linesOf(name: string): Promise<string[]> {
  const text = await readFile(path.join(folder, name), 'utf8').catch(() => '');
  return text.split('\n').filter((line) => line !== '');
}

describe('ensuring system packages', () => {
  it('says and installs nothing where everything is there', async () => {
    for (const command of ['google-chrome', 'ffmpeg', 'ffprobe', 'nginx', 'systemd-analyze']) await addCommand(command);
    await addAptGet([]);
    const answer = await ensureSystemPackages(['chromium', 'ffmpeg', 'nginx', 'systemd'], report, machine);
    expect(answer).toEqual({ kind: 'ready' });
    expect(reported).toEqual([]);
    expect(await linesOf('calls')).toEqual([]);
  });

  it('installs what is missing, and only that, after one line about it', async () => {
    await addCommand('nginx');
    await addCommand('ffmpeg');
    await addAptGet(['chromium', 'ffprobe']);
    const answer = await ensureSystemPackages(['chromium', 'ffmpeg', 'nginx'], report, machine);
    expect(answer).toEqual({ kind: 'ready' });
    expect(reported).toEqual([expect.stringContaining('installing chromium ffmpeg with apt-get')]);
    expect(await linesOf('calls')).toEqual([
      'apt-get -o DPkg::Lock::Timeout=180 update',
      'apt-get -o DPkg::Lock::Timeout=180 install -y --no-install-recommends chromium ffmpeg',
    ]);
  });

  it('looks for a module of Python where Python does', async () => {
    const refused = await ensureSystemPackages(['swift'], report, machine);
    expect(refused).toMatchObject({ kind: 'missing', names: ['swift'] });
    expect(JSON.stringify(refused)).toMatch(/missing: Python's swift .*python3-swift/);
    await mkdir(path.join(folder, 'python', 'swift'), { recursive: true });
    await writeFile(path.join(folder, 'python', 'swift', '__init__.py'), '');
    expect(await ensureSystemPackages(['swift'], report, machine)).toEqual({ kind: 'ready' });
  });

  it('keeps apt from starting nginx, and nothing else, for as long as it runs', async () => {
    await addAptGet(['nginx']);
    await ensureSystemPackages(['nginx'], report, machine);
    expect(await linesOf('asked')).toEqual(['nginx start 101', 'nginx.service start 101', 'dbus start 0']);
    await expect(readFile(machine.policyFile)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('leaves a policy of the machine as it is', async () => {
    await writeFile(machine.policyFile, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
    await addAptGet(['nginx']);
    await ensureSystemPackages(['nginx'], report, machine);
    expect(await linesOf('asked')).toContain('dbus start 101');
    expect(await linesOf('policy-rc.d')).toEqual(['#!/bin/sh', 'exit 101']);
  });

  it('leaves a policy that refuses nothing when it is killed, and replaces it the next time', async () => {
    await addAptGet(['nginx'], `/bin/cp ${machine.policyFile} ${folder}/copy`);
    await ensureSystemPackages(['nginx'], report, machine);
    const copy = await readFile(path.join(folder, 'copy'), 'utf8');
    const left = copy.replace(`kill -0 ${process.pid} `, `kill -0 ${processIdThatNeverIs} `);
    expect(left).not.toBe(copy);
    await writeFile(machine.policyFile, left, { mode: 0o755 });
    expect(spawnSync(machine.policyFile, ['nginx', 'start']).status).toBe(0);

    await rm(path.join(folder, 'bin', 'nginx'));
    await rm(path.join(folder, 'asked'));
    await ensureSystemPackages(['nginx'], report, machine);
    expect(await linesOf('asked')).toContain('nginx start 101');
    await expect(readFile(machine.policyFile)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('keeps nginx from coming up with the machine where systemd runs it', async () => {
    await mkdir(machine.systemdFolder);
    await addCommand('systemctl', `echo "systemctl $*" >>${folder}/calls`);
    await addAptGet(['nginx']);
    await ensureSystemPackages(['nginx'], report, machine);
    expect((await linesOf('calls')).at(-1)).toBe('systemctl disable --now --quiet nginx.service');
  });

  it('names what is missing and the command that brings it to whoever is not root, and installs nothing', async () => {
    await addAptGet(['chromium', 'nginx', 'ffmpeg', 'ffprobe']);
    const answer = await ensureSystemPackages(['chromium', 'ffmpeg', 'nginx'], report, { ...machine, isRoot: false });
    expect(answer).toEqual({
      kind: 'missing',
      names: ['chromium', 'ffmpeg', 'nginx'],
      lines: [
        'missing: chromium or chromium-browser or google-chrome, ffmpeg, ffprobe, nginx (installing takes root)',
        expect.stringContaining('sudo apt-get install -y --no-install-recommends chromium ffmpeg nginx-light'),
      ],
    });
    expect(reported).toEqual([]);
    expect(await linesOf('calls')).toEqual([]);
  });

  it('names what is missing where there is no apt-get', async () => {
    const answer = await ensureSystemPackages(['systemd'], report, machine);
    expect(answer).toMatchObject({
      kind: 'missing',
      lines: ['missing: systemd-analyze (there is no apt-get here)', expect.stringContaining('systemd')],
    });
  });

  it('repeats what apt-get said when it fails', async () => {
    await addAptGet([], 'echo "E: Unable to locate package chromium" >&2; exit 100');
    const answer = await ensureSystemPackages(['chromium'], report, machine);
    expect(answer).toMatchObject({
      kind: 'missing',
      lines: [
        expect.stringContaining('apt-get did not bring it'),
        expect.stringContaining('apt-get install -y'),
        'apt-get chromium: exit 100',
        'E: Unable to locate package chromium',
      ],
    });
  });
});

describe('finding a system command', () => {
  it('gives its path by whichever of its names is there', async () => {
    await addCommand('chromium-browser');
    expect(await findSystemCommand('chromium', machine)).toBe(path.join(folder, 'bin', 'chromium-browser'));
    expect(await findSystemCommand('nginx', machine)).toBeUndefined();
  });

  it('looks where nginx lives, on the PATH or not', () => {
    expect(thisMachine.commandFolders).toContain('/usr/sbin');
  });
});
