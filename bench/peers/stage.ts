import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { FILE_BYTES, type MediaSet, writeMedia } from './media-set.ts';
import { PEER_KINDS, type PeerName } from './peer-kinds.ts';
import type { PeerProcess } from './peer-process.ts';
import type { PeerSetup, Purpose } from './peer-setup.ts';
import { startNginx } from './start-others.ts';

const MIB = 2 ** 20;
export const HOT: MediaSet = { folder: 'data', count: 32 };
/** For the mix less memory than the cold files have, for everybody who has memory of his own. */
const MEMORY_BYTES = { hot: 1024 * MIB, idle: 1024 * MIB, tls: 1024 * MIB, mix: 512 * MIB };

/** The folder, the files, the origin behind the caches and the certificate: what all servers of a run share. */
export class Stage {
  readonly folder: string;
  readonly cold: MediaSet;
  readonly #origin: PeerProcess;
  readonly #processes = new Set<PeerProcess>();
  #started = 0;

  private constructor(folder: string, cold: MediaSet, origin: PeerProcess) {
    this.folder = folder;
    this.cold = cold;
    this.#origin = origin;
  }

  /** @param coldFiles how many files there are besides the hot ones; 0 when nobody asks for them */
  static async set(coldFiles: number): Promise<Stage> {
    const folder = mkdtempSync(join(tmpdir(), 'oca-peers-'));
    try {
      const cold: MediaSet = { folder: 'cold', count: coldFiles };
      writeMedia(join(folder, 'root'), HOT);
      if (coldFiles > 0) writeMedia(join(folder, 'root'), cold);
      makeCertificate(folder);
      const setup = setupOf(folder, 'origin', { originUrl: '', coldFiles, purpose: 'hot', cores: allCores() });
      return new Stage(folder, cold, await startNginx(setup, { hasNopush: false }));
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** Starts a server with nothing in it, in a folder of its own. */
  async start(name: PeerName, purpose: Purpose, cores: readonly number[]): Promise<PeerProcess> {
    return this.#keep(await PEER_KINDS[name].start(this.setup(name, purpose, cores)));
  }

  #keep(started: PeerProcess): PeerProcess {
    const kept = {
      ...started,
      stop: async (): Promise<void> => {
        this.#processes.delete(kept);
        await started.stop();
      },
    };
    this.#processes.add(kept);
    return kept;
  }

  setup(name: PeerName, purpose: Purpose, cores: readonly number[]): PeerSetup {
    this.#started += 1;
    const given = { originUrl: this.#origin.url, coldFiles: this.cold.count, purpose, cores };
    return setupOf(this.folder, `${name}-${this.#started}`, given);
  }

  /** Ends every server and takes every file away. */
  async clear(): Promise<void> {
    await Promise.all([...this.#processes].map((started) => started.stop()));
    await this.#origin.stop();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

export const allCores = (): number[] => cpus().map((_, core) => core);

function setupOf(
  folder: string,
  name: string,
  given: {
    readonly originUrl: string;
    readonly coldFiles: number;
    readonly purpose: Purpose;
    readonly cores: readonly number[];
  },
): PeerSetup {
  const { originUrl, coldFiles, purpose, cores } = given;
  return {
    folder: join(folder, name),
    root: join(folder, 'root'),
    originUrl,
    cores,
    tls: purpose === 'tls' ? { certFile: join(folder, 'cert.pem'), keyFile: join(folder, 'key.pem') } : undefined,
    memoryBytes: MEMORY_BYTES[purpose],
    diskBytes: (HOT.count + (purpose === 'mix' ? coldFiles : 0)) * FILE_BYTES + 1024 * MIB,
    purpose,
  };
}

/** Elliptic curve, as certificates of delivery servers are. */
function makeCertificate(folder: string): void {
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const words = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  execFileSync('openssl', [...words, '-subj', '/CN=localhost', '-keyout', key, '-out', cert], { stdio: 'ignore' });
}

/** Makes files on disk cold. @returns false where that takes rights that we do not have */
export function dropPageCache(): boolean {
  try {
    execFileSync('sync');
    writeFileSync('/proc/sys/vm/drop_caches', '1');
    return true;
  } catch {
    return false;
  }
}
