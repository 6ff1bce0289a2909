import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, type PeerProcess, startPeer } from './peer-process.ts';
import { logOf, type PeerSetup } from './peer-setup.ts';

/** Nobody is hung up on while it is measured, however long a round takes. */
const IDLE_SEC = 900;
const PROBE = '/data/0.m4s';
/** Our own limit for one process is often 20,000 files. */
const OPEN_FILES = 19_000;

/** Serves the files themselves, by sendfile, as its documentation advises for large ones. */
export async function startNginx(setup: PeerSetup, { hasNopush }: { hasNopush: boolean }): Promise<PeerProcess> {
  const port = await freePort();
  const { folder, tls } = setup;
  mkdirSync(folder, { recursive: true });
  const conf = join(folder, 'nginx.conf');
  const secured =
    tls === undefined
      ? ''
      : `ssl_certificate ${tls.certFile}; ssl_certificate_key ${tls.keyFile}; ssl_session_cache shared:peers:1m;`;
  writeFileSync(
    conf,
    `daemon off; worker_processes ${setup.cores.length}; worker_rlimit_nofile ${OPEN_FILES};
${process.getuid?.() === 0 ? 'user root;' : ''} pid ${folder}/nginx.pid; error_log ${folder}/error.log;
events { worker_connections ${OPEN_FILES - 2000}; }
http {
  sendfile on; aio threads; tcp_nopush ${hasNopush ? 'on' : 'off'}; tcp_nodelay on; open_file_cache max=10000;
  access_log off; keepalive_timeout ${IDLE_SEC}s; keepalive_requests 1000000000; default_type video/mp4;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
  server {
    listen 127.0.0.1:${port} ${tls === undefined ? '' : 'ssl'} backlog=4096; root ${setup.root}; ${secured}
    add_header Cache-Control "public, max-age=31536000, immutable";
  }
}
`,
  );
  return startPeer({
    words: ['nginx', '-p', folder, '-c', conf],
    cores: setup.cores,
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    probePath: PROBE,
    logFile: logOf(setup),
  });
}

/** Debian's defaults but for the size of the store and the time that idle connections are kept. */
export async function startVarnish(setup: PeerSetup): Promise<PeerProcess> {
  const port = await freePort();
  const { folder, purpose } = setup;
  mkdirSync(folder, { recursive: true });
  const origin = new URL(setup.originUrl);
  const program = join(folder, 'default.vcl');
  writeFileSync(program, `vcl 4.1;\nbackend origin { .host = "${origin.hostname}"; .port = "${origin.port}"; }\n`);
  // What is larger than memory goes to a mapped file.
  const store = purpose === 'mix' ? `file,${join(folder, 'store')},${setup.diskBytes}` : `malloc,${setup.memoryBytes}`;
  return startPeer({
    words: ['varnishd', '-F', '-n', join(folder, 'work'), '-a', `127.0.0.1:${port}`, '-f', program, '-s', store].concat(
      ['-T', 'none', '-j', 'none', '-p', `timeout_idle=${IDLE_SEC}`],
    ),
    cores: setup.cores,
    url: `http://127.0.0.1:${port}`,
    probePath: PROBE,
    logFile: logOf(setup),
  });
}

/** A thread per core, everything in its memory cache as far as that goes, no log. */
export async function startTrafficServer(setup: PeerSetup): Promise<PeerProcess> {
  const port = await freePort();
  const { folder } = setup;
  const of = (name: string): string => join(folder, name);
  for (const name of ['etc', 'cache', 'log', 'run', 'data']) mkdirSync(of(name), { recursive: true });
  writeFileSync(
    of('runroot.yaml'),
    `prefix: ${folder}
exec_prefix: /usr
bindir: /usr/bin
sbindir: /usr/sbin
sysconfdir: ${of('etc')}
datadir: ${of('data')}
includedir: /usr/include
libdir: /usr/lib/trafficserver
libexecdir: /usr/lib/trafficserver/modules
localstatedir: ${of('data')}
runtimedir: ${of('run')}
logdir: ${of('log')}
cachedir: ${of('cache')}
`,
  );
  const records = {
    'exec_thread.autoconfig': 'INT 0',
    'exec_thread.limit': `INT ${setup.cores.length}`,
    'http.server_ports': `STRING ${port}:ip-in=127.0.0.1`,
    'http.keep_alive_no_activity_timeout_in': `INT ${IDLE_SEC}`,
    'http.accept_no_activity_timeout': `INT ${IDLE_SEC}`,
    'net.connections_throttle': `INT ${OPEN_FILES}`,
    'net.max_connections_in': `INT ${OPEN_FILES}`,
    'cache.ram_cache.size': `INT ${setup.memoryBytes}`,
    // Files of this size are kept in memory in fragments of 1 MiB.
    'cache.ram_cache_cutoff': 'INT 67108864',
    'log.logging_enabled': 'INT 0',
    'url_remap.remap_required': 'INT 1',
    'reverse_proxy.enabled': 'INT 1',
    ...(process.getuid?.() === 0 ? { 'admin.user_id': 'STRING #-1', crash_log_helper: 'STRING NULL' } : {}),
  };
  const lines = Object.entries(records).map(([name, value]) => `CONFIG proxy.config.${name} ${value}`);
  writeFileSync(of('etc/records.config'), `${lines.join('\n')}\n`);
  writeFileSync(of('etc/remap.config'), `map / ${setup.originUrl}/\n`);
  writeFileSync(of('etc/storage.config'), `${of('cache')} ${setup.diskBytes}\n`);
  copyFileSync('/etc/trafficserver/ip_allow.yaml', of('etc/ip_allow.yaml'));
  return startPeer({
    words: ['traffic_server'],
    cores: setup.cores,
    url: `http://127.0.0.1:${port}`,
    probePath: PROBE,
    logFile: logOf(setup),
    environment: { TS_RUNROOT: folder },
  });
}
