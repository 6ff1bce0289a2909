import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findSystemCommand } from '../../../deploy/demo/ensure-system-packages.ts';
import { until } from '../../support/until.ts';

const MAX_TRIES = 5;

/** What nginx answered, from its own log. */
export interface NginxLine {
  readonly method: string;
  readonly path: string;
  readonly range: string;
  readonly status: number;
  readonly bodyBytes: number;
}

/** A real nginx that serves a folder of its own. */
export class NginxOrigin {
  readonly url: string;
  readonly #folder: string;
  readonly #child: ChildProcess;

  private constructor(folder: string, child: ChildProcess, port: number) {
    this.#folder = folder;
    this.#child = child;
    this.url = `http://127.0.0.1:${port}`;
  }

  static async start(): Promise<NginxOrigin> {
    const nginx = await findSystemCommand('nginx');
    if (nginx === undefined) throw new Error('nginx is not here; `npm test` installs it where it may');
    const folder = mkdtempSync(join(tmpdir(), 'oca-nginx-'));
    // Started by root, its workers are somebody else.
    chmodSync(folder, 0o755);
    mkdirSync(join(folder, 'content'));
    // nginx cannot pick a port itself, so somebody may take it between our look and its start.
    for (let tries = 1; ; tries += 1) {
      const port = await freePort();
      writeFileSync(join(folder, 'nginx.conf'), configuration(folder, port));
      const child = spawn(nginx, ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', join(folder, 'error.log')], {
        stdio: 'ignore',
      });
      const answers = until(() => child.exitCode === null && accepts(port), 5000);
      const ended = new Promise<never>((_resolve, reject) => {
        child.once('exit', () => reject(new Error(`nginx ended: ${readFileSync(join(folder, 'error.log'), 'utf8')}`)));
        child.once('error', reject);
      });
      try {
        await Promise.race([answers, ended]);
        ended.catch(() => undefined);
        return new NginxOrigin(folder, child, port);
      } catch (error) {
        answers.catch(() => undefined);
        if (tries === MAX_TRIES) throw error;
      }
    }
  }

  put(name: string, bytes: Uint8Array): void {
    writeFileSync(join(this.#folder, 'content', name), bytes);
  }

  /** The requests for a path; waits until the log has `count` of them. */
  async asked(path: string, count: number): Promise<NginxLine[]> {
    const lines = (): NginxLine[] => this.#log().filter((line) => line.path === path);
    await until(() => lines().length >= count);
    return lines();
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGTERM');
    await ended;
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #log(): NginxLine[] {
    return readFileSync(join(this.#folder, 'access.log'), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const [method = '', path = '', range = '', status, bodyBytes] = line.split(' ');
        return { method, path, range, status: Number(status), bodyBytes: Number(bodyBytes) };
      });
  }
}

const configuration = (folder: string, port: number): string => `
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
events { worker_connections 256; }
http {
  log_format lines '$request_method $uri $http_range $status $body_bytes_sent';
  access_log ${folder}/access.log lines;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  types { video/mp4 mp4; }
  server {
    listen 127.0.0.1:${port};
    root ${folder}/content;
    add_header Cache-Control "public, max-age=600";
  }
}
`;

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
