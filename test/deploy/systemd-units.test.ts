import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const unitFolder = join(root, 'deploy/systemd');
const units = readdirSync(unitFolder).filter((file) => file.endsWith('.service'));
const scratch = mkdtempSync(join(tmpdir(), 'oca-units-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** systemd-analyze exits 0 on bad values, so what it writes to stderr is the verdict. */
function verify(name: string, text: string): { status: number | null; stderr: string } {
  const file = join(scratch, name);
  writeFileSync(file, text.replaceAll('/opt/oca', root));
  const run = spawnSync('systemd-analyze', ['verify', '--man=no', file], { encoding: 'utf8' });
  return { status: run.status, stderr: run.stderr };
}

/** What functions of the C library call where the kernel's name is another one. */
const KERNEL_NAMES: ReadonlyMap<string, string> = new Map([
  ['eventfd', 'eventfd2'],
  ['pread', 'pread64'],
  ['pwrite', 'pwrite64'],
  ['recv', 'recvfrom'],
  ['send', 'sendto'],
  // The one that is called by its number.
  ['syscall', 'sched_setattr'],
]);

/** The calls of a set (`@system-service`), with those of the sets that it is made of. */
function callsOf(set: string): readonly string[] {
  const { stdout } = spawnSync('systemd-analyze', ['syscall-filter', '--no-pager', set], { encoding: 'utf8' });
  const members = stdout.split('\n').map((line) => line.trim());
  return members
    .slice(1)
    .flatMap((name) => (name.startsWith('@') ? callsOf(name) : name.startsWith('#') ? [] : [name]));
}

describe('the systemd units', () => {
  it('exist for the three services', () => {
    expect(units.sort()).toEqual(['oca-appliance.service', 'oca-fill-planner.service', 'oca-steering.service']);
  });

  it.each(units)('%s passes systemd-analyze verify without a word', (unit) => {
    expect(verify(unit, readFileSync(join(unitFolder, unit), 'utf8'))).toEqual({ status: 0, stderr: '' });
  });

  it('would be caught with a bad value, which systemd-analyze itself lets pass', () => {
    const text = readFileSync(join(unitFolder, 'oca-appliance.service'), 'utf8').replace(
      'Restart=always',
      'Restart=sometimes',
    );
    expect(verify('oca-bad.service', text).stderr).toContain('sometimes');
  });

  it('have a socket that passes too, where the example of the configuration listens', () => {
    for (const unit of ['oca-appliance.service', 'oca-appliance.socket']) {
      const text = readFileSync(join(unitFolder, unit), 'utf8');
      expect(verify(unit, text)).toEqual({ status: 0, stderr: '' });
    }
    const socket = readFileSync(join(unitFolder, 'oca-appliance.socket'), 'utf8');
    const { listen } = JSON.parse(readFileSync(join(root, 'deploy/config/appliance.json'), 'utf8')) as {
      listen: string;
    };
    expect(/^ListenStream=(.*)$/m.exec(socket)?.[1]).toBe(listen);
    expect(
      verify('oca-appliance.socket', socket.replace('BindIPv6Only=both', 'BindIPv6Only=sometimes')).stderr,
    ).toContain('sometimes');
  });

  it.each(units)('%s is confined to an exposure of 2.5 or less', (unit) => {
    const file = join(scratch, unit);
    writeFileSync(file, readFileSync(join(unitFolder, unit), 'utf8').replaceAll('/opt/oca', root));
    const run = spawnSync('systemd-analyze', ['security', '--offline=true', '--threshold=25', '--no-pager', file], {
      encoding: 'utf8',
    });
    expect(run.status, run.stdout.slice(-200)).toBe(0);
  });

  it.each(units)('%s runs as a user of its own, named in the sysusers file', (unit) => {
    const user = /^User=(.+)$/m.exec(readFileSync(join(unitFolder, unit), 'utf8'))?.[1];
    const declared = readFileSync(join(unitFolder, 'oca.sysusers.conf'), 'utf8');
    expect(declared).toMatch(new RegExp(`^u ${user} `, 'm'));
    expect(
      new Set(units.map((other) => /^User=(.+)$/m.exec(readFileSync(join(unitFolder, other), 'utf8'))?.[1])).size,
    ).toBe(units.length);
  });

  it('let the appliance call what its threads send with', () => {
    const libc = readFileSync(join(root, 'appliance/kernel/libc.ts'), 'utf8');
    const names = [...libc.matchAll(/lib\.func\('(?:[a-z_ ]+ )?(\w+)['(]/g)].map(([, name = '']) => name);
    expect(names).toEqual(expect.arrayContaining(['memfd_create', 'sendfile', 'epoll_wait', 'fcntl', 'alarm']));
    expect(names.length).toBe(libc.split('lib.func(').length - 1);
    const unit = readFileSync(join(unitFolder, 'oca-appliance.service'), 'utf8');
    const allowed = new Set((/^SystemCallFilter=(.+)$/m.exec(unit)?.[1] ?? '').split(' ').flatMap(callsOf));
    expect(allowed.has('reboot')).toBe(false);
    expect(names.map((name) => KERNEL_NAMES.get(name) ?? name).filter((call) => !allowed.has(call))).toEqual([]);
    // Both ends of a tunnel (socketpair) and the viewers.
    expect(unit).toMatch(/^RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX$/m);
  });
});
