import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { pin } from './steering-under-test.ts';

/** nginx with one worker that answers everything with the same JSON: what HTTP alone costs on this core. */
export interface NginxPeer {
  readonly url: string;
  stop(): void;
}

/** @param body what it answers; it may hold neither quotes of the other kind nor dollars */
export async function startNginx(folder: string, body: string, core: number): Promise<NginxPeer> {
  mkdirSync(folder, { recursive: true });
  const port = await freePort();
  writeFileSync(
    join(folder, 'nginx.conf'),
    `daemon off; master_process off; worker_processes 1; pid ${folder}/nginx.pid; error_log ${folder}/error.log;
events { worker_connections 1024; }
http {
  access_log off; keepalive_requests 100000000; client_body_temp_path ${folder}/body;
  server { listen 127.0.0.1:${port}; location / {
    default_type application/vnd.apple.steering-list;
    add_header access-control-allow-origin "*"; add_header timing-allow-origin "*"; add_header cache-control no-store;
    add_header access-control-expose-headers "Retry-After, Date, Server-Timing, CMSD-Static, CMSD-Dynamic, Cache-Status";
    return 200 '${body}';
  } }
}
`,
  );
  const child = spawn('nginx', ['-p', folder, '-c', join(folder, 'nginx.conf')], { stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}`;
  await untilAnswers(url, child);
  pin(child.pid ?? 0, core);
  return { url, stop: () => child.kill('SIGTERM') };
}

async function untilAnswers(url: string, child: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 100 && child.exitCode === null; attempt += 1) {
    try {
      const response = await fetch(url);
      await response.arrayBuffer();
      return;
    } catch {
      await new Promise((resolve) => {
        setTimeout(resolve, 50);
      });
    }
  }
  child.kill('SIGKILL');
  throw new Error('nginx does not answer');
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
