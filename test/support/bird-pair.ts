import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findSystemCommand } from '../../deploy/demo/ensure-system-packages.ts';

/**
 * Two real BIRD daemons with one BGP session: a router of the ISP, which announces, and the one beside an appliance,
 * which learns. Loopback only, unprivileged ports, no route ever reaches the kernel.
 */
export class BirdPair {
  readonly #folder = mkdtempSync(join(tmpdir(), 'oca-bird-'));
  readonly #ports: readonly [number, number];
  readonly #command: string;
  #router: ChildProcess | undefined;
  #appliance: ChildProcess | undefined;

  private constructor(command: string, ports: readonly [number, number]) {
    this.#command = command;
    this.#ports = ports;
  }

  static async start(prefixes: readonly string[]): Promise<BirdPair> {
    const command = await findSystemCommand('bird');
    if (command === undefined) throw new Error('bird is missing: apt-get install bird2');
    const pair = new BirdPair(command, [await freePort(), await freePort()]);
    pair.startAppliance();
    pair.startRouter(prefixes);
    return pair;
  }

  /** The control socket of the BIRD beside the appliance; its protocol is called `isp`. */
  get socketFile(): string {
    return join(this.#folder, 'appliance.ctl');
  }

  startAppliance(): void {
    const [own, other] = this.#ports;
    this.#appliance = this.#run(
      'appliance',
      `protocol bgp isp { local 127.0.0.1 port ${own} as 64500; neighbor 127.0.0.2 port ${other} as 64500; multihop; passive;
        hold time 9; ipv4 { import all; export none; }; ipv6 { import all; export none; }; }`,
    );
  }

  startRouter(prefixes: readonly string[]): void {
    const [other, own] = this.#ports;
    const routes = (family: 'ipv4' | 'ipv6') =>
      prefixes
        .filter((prefix) => prefix.includes(':') === (family === 'ipv6'))
        .map((prefix) => `route ${prefix} blackhole;`);
    this.#router = this.#run(
      'router',
      `protocol static s4 { ipv4; ${routes('ipv4').join(' ')} } protocol static s6 { ipv6; ${routes('ipv6').join(' ')} }
      protocol bgp oca { local 127.0.0.2 port ${own} as 64500; neighbor 127.0.0.1 port ${other} as 64500; multihop;
        connect delay time 1; connect retry time 1; error wait time 1,1; hold time 9;
        ipv4 { import none; export filter { bgp_med = 10; bgp_community.add((64500,100)); bgp_path.prepend(64511); accept; };
          next hop self; };
        ipv6 { import none; export all; next hop address 2001:db8::1; }; }`,
    );
  }

  /** Ends the router at once, as a power cut would. */
  async killRouter(): Promise<void> {
    await killed(this.#router);
  }

  async killAppliance(): Promise<void> {
    await killed(this.#appliance);
  }

  async end(): Promise<void> {
    await Promise.all([this.killRouter(), this.killAppliance()]);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #run(name: 'router' | 'appliance', protocols: string): ChildProcess {
    const file = join(this.#folder, `${name}.conf`);
    writeFileSync(
      file,
      `log "${join(this.#folder, name)}.log" all; router id 192.0.2.${name === 'router' ? 2 : 1};
      protocol device {}\n${protocols}\n`,
    );
    const socketFile = join(this.#folder, `${name}.ctl`);
    return spawn(this.#command, ['-f', '-c', file, '-s', socketFile, '-P', join(this.#folder, `${name}.pid`)], {
      stdio: 'ignore',
    });
  }
}

async function killed(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
  });
  child.kill('SIGKILL');
  await ended;
}

/** BIRD cannot be told to pick a port itself. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
