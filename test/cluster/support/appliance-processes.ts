import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ChildService, serviceWords } from '../../../deploy/demo/child-service.ts';
import { GatedOrigin, type OriginFile } from '../../appliance/support/gated-origin.ts';

/** `oca appliance` as processes one after the other or side by side, before one origin, with one folder for what they keep. */
export class ApplianceProcesses implements AsyncDisposable {
  readonly folder: string;
  readonly origin: GatedOrigin;
  readonly #running: ChildService[] = [];

  private constructor(folder: string, origin: GatedOrigin) {
    this.folder = folder;
    this.origin = origin;
  }

  /** @param bytes of `/film.mp4`, which the origin has */
  static async before(bytes: Buffer): Promise<ApplianceProcesses> {
    const origin = await GatedOrigin.start();
    const film: OriginFile = { bytes, etag: '"v1"', headers: { 'cache-control': 'max-age=600' } };
    origin.files.set('/film.mp4', film);
    return new ApplianceProcesses(mkdtempSync(join(tmpdir(), 'oca-process-')), origin);
  }

  /** The command line, on ports of its own and the volume that all of them share unless something else is said. */
  words(parameters: Readonly<Record<string, string | number>> = {}): string[] {
    return serviceWords('appliance', {
      listen: '127.0.0.1:0',
      adminListen: '127.0.0.1:0',
      origin: this.origin.url,
      volume: join(this.folder, 'volume'),
      volumeCapacityBytes: '256Mi',
      logLevel: 'error',
      ...parameters,
    });
  }

  /** @param listenFd a socket that listens, as systemd would give it */
  async start(parameters: Readonly<Record<string, string | number>> = {}, listenFd?: number): Promise<ChildService> {
    const words = this.words(parameters);
    const service = await ChildService.start({ words, ...(listenFd === undefined ? {} : { listenFd }) });
    this.#running.push(service);
    return service;
  }

  /** Kills all and removes what they kept. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const service of this.#running) await service.end('SIGKILL');
    await this.origin.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
