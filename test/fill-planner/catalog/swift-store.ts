import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { s3Signer } from '../../../fill-planner/catalog/source/s3-signer.ts';
import { encodeKey, S3Store } from '../../../fill-planner/catalog/source/s3-store.ts';
import { HttpClient } from '../../../src/client/http-client.ts';
import { systemWorld } from '../../../src/world/world.ts';
import { temporaryFolder } from './demo-title.ts';

// Debian's own Python, whatever else is on the PATH: its packages are there.
const PYTHON = '/usr/bin/python3';
const SERVER = join(import.meta.dirname, 'swift-server.py');

export const CREDENTIALS = { accessKeyId: 'test:tester', secretAccessKey: 'not-so-secret-testing-key' };

/** A real S3-speaking server: OpenStack Swift in a process of its own, gone after the test. */
export class SwiftStore {
  readonly url: string;
  readonly http = new HttpClient({ connectTimeoutMs: 3000, maxConnectionsPerHost: 4 });
  readonly #end: () => Promise<void>;

  private constructor(url: string, end: () => Promise<void>) {
    this.url = url;
    this.#end = end;
  }

  static async start(): Promise<SwiftStore> {
    const folder = await temporaryFolder();
    const { accessKeyId, secretAccessKey } = CREDENTIALS;
    const child = spawn(PYTHON, [SERVER, folder.path, accessKeyId, secretAccessKey]);
    let errors = '';
    child.stderr.on('data', (piece: Buffer) => {
      errors = (errors + piece.toString('utf8')).slice(-2000);
    });
    const ended = once(child, 'exit');
    const url = await new Promise<string>((resolve, reject) => {
      child.stdout.once('data', (piece: Buffer) => resolve(piece.toString('utf8').trim()));
      child.once('error', reject);
      void ended.then(() =>
        reject(new Error(`swift ended; 'npm test' installs python3-swift where it may:\n${errors}`)),
      );
    });
    return new SwiftStore(url, async () => {
      child.kill('SIGKILL');
      await ended;
      await folder[Symbol.asyncDispose]();
    });
  }

  /** As the planner sees it. */
  store(credentials = CREDENTIALS, keysPerPage = 1000): S3Store {
    return new S3Store({
      endpointUrl: this.url,
      region: 'us-east-1',
      credentials,
      http: this.http,
      world: systemWorld,
      keysPerPage,
    });
  }

  async makeBucket(bucket: string): Promise<void> {
    await this.#put(`${this.url}/${bucket}`, new Uint8Array());
  }

  async put(bucket: string, key: string, bytes: Uint8Array): Promise<void> {
    await this.#put(`${this.url}/${bucket}/${encodeKey(key)}`, bytes);
  }

  async putFolder(bucket: string, prefix: string, folder: string): Promise<void> {
    const names = await readdir(folder);
    for (const name of names) await this.put(bucket, `${prefix}${name}`, await readFile(join(folder, name)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.http.destroy();
    await this.#end();
  }

  async #put(url: string, bytes: Uint8Array): Promise<void> {
    const headers = await s3Signer(CREDENTIALS, 'us-east-1', systemWorld.clock)('PUT', url);
    const timeouts = { headersTimeoutMs: 10_000, bodyTimeoutMs: 10_000 };
    const response = await this.http.request({ url, method: 'PUT', headers, body: bytes, ...timeouts });
    response.discard();
    if (response.status !== 200) throw new Error(`PUT ${url}: ${response.status}`);
  }
}
