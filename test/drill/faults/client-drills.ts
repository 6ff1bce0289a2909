import { type Drill, demand, demandBytes, eventually } from '../drill.ts';
import { FILE_BYTES, MIB } from '../rig/drill-rig.ts';
import { sendRaw } from '../rig/raw-client.ts';

const CR = '\r\n';
const LIMIT_MS = 2000;
/** A limit of the appliance, the interval at which Node looks, and room for a slow machine. */
const CUT_WITHIN_MS = LIMIT_MS + 4000;

const purgeDuringSend: Drill = {
  name: 'purge-during-send',
  does: 'a file is replaced and purged while a client is half-way through it',
  why:
    'The client half-way gets all of the old bytes, and nobody who asks after the purge has answered gets any of them. ' +
    'Not measured with others; data that is sent by sendfile and rewritten in place reaches the client as the new bytes.',
  needs: [],
  isShort: true,
  async run(rig) {
    const old = rig.file('/film.mp4', { sizeBytes: 24 * MIB });
    const appliance = await rig.appliance();
    await appliance.get('/film.mp4');
    await eventually('the file is stored', async () => (await appliance.heldBlocks('/film.mp4')) === 24);
    const reader = await appliance.open('/film.mp4');
    await reader.received(MIB);
    reader.pause();
    const fresh = rig.file('/film.mp4');
    await appliance.admin('/v1/purge', { path: '/film.mp4' });
    const next = await appliance.get('/film.mp4');
    demandBytes(next.body, fresh, 'who asked after the purge');
    reader.resume();
    demand((await reader.ended) === 'complete', `the client half-way was cut at ${reader.receivedBytes}`);
    demandBytes(reader.body, old, 'the client half-way');
    return 'the client half-way got all 24 MiB of the old file, the next one the new file';
  },
};

const slowClients: Drill = {
  name: 'slow-clients',
  does: '50 clients that send half a head, 20 that read nothing; one that plays',
  why:
    'A head that is not complete in time and an answer that nobody takes are cut, and who plays notices nothing. ' +
    'Not measured with others; all of them have such limits, by default between 10 s and two minutes.',
  needs: [],
  isShort: false,
  async run(rig) {
    const bytes = rig.file('/film.mp4', { sizeBytes: 32 * MIB });
    const small = rig.file('/small.mp4', { sizeBytes: 65_536 });
    const appliance = await rig.appliance({ headTimeoutMs: LIMIT_MS, sendStallMs: LIMIT_MS, memoryBytes: '64Mi' });
    demandBytes((await appliance.get('/film.mp4')).body, bytes, 'the first client');
    const head = [
      'GET /film.mp4 HTTP/1.1',
      'Host: drill',
      ...Array.from({ length: 60 }, (_, index) => `X-${index}: y`),
    ];
    const halfHeads = Array.from({ length: 50 }, () =>
      sendRaw(
        appliance.url,
        head.map((line) => line + CR),
        2 * CUT_WITHIN_MS,
        200,
      ),
    );
    const readers = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const reader = await appliance.open('/film.mp4');
        reader.pause();
        return reader;
      }),
    );
    const waits: number[] = [];
    for (let round = 0; round < 20; round += 1) {
      const answer = await appliance.get('/small.mp4');
      demandBytes(answer.body, small, 'the client that plays');
      waits.push(answer.totalMs);
    }
    const ended = await Promise.all(halfHeads);
    demand(
      ended.every(({ isClosed }) => isClosed),
      'a client with half a head was not cut',
    );
    const slowestMs = Math.max(...ended.map(({ afterMs }) => afterMs));
    demand(slowestMs < CUT_WITHIN_MS, `a client with half a head was cut after ${slowestMs.toFixed(0)} ms only`);
    await eventually(
      'those who read nothing are cut',
      async () => (await appliance.metric('abandoned_answers_total', 'client-slow')) >= readers.length,
    );
    for (const reader of readers) reader.leave();
    const worst = Math.max(...waits);
    return `half heads cut after ${(slowestMs / 1000).toFixed(1)} s, 20 of 20 idle readers cut, who plays waited ${worst.toFixed(0)} ms at most`;
  },
};

/** Requests that must not be answered with 2xx, each as it stands on the wire. */
const FORBIDDEN: ReadonlyMap<string, string> = new Map([
  ['two lengths', `POST / HTTP/1.1${CR}Host: a${CR}Content-Length: 5${CR}Content-Length: 44${CR}${CR}`],
  [
    'length and chunks',
    `POST / HTTP/1.1${CR}Host: a${CR}Content-Length: 4${CR}Transfer-Encoding: chunked${CR}${CR}0${CR}${CR}`,
  ],
  ['odd coding', `GET / HTTP/1.1${CR}Host: a${CR}Transfer-Encoding: xchunked${CR}${CR}`],
  ['coding with a blank', `GET / HTTP/1.1${CR}Host: a${CR}Transfer-Encoding : chunked${CR}${CR}0${CR}${CR}`],
  ['negative length', `POST / HTTP/1.1${CR}Host: a${CR}Content-Length: -1${CR}${CR}`],
  ['folded field', `GET / HTTP/1.1${CR}Host: a${CR}X: b${CR} Transfer-Encoding: chunked${CR}${CR}`],
  ['bare CR', `GET / HTTP/1.1${CR}Host: a${CR}X: b\rTransfer-Encoding: chunked${CR}${CR}`],
  ['NUL in a field', `GET / HTTP/1.1${CR}Host: a${CR}X: b\0c${CR}${CR}`],
  ['no Host', `GET / HTTP/1.1${CR}${CR}`],
  ['two Hosts', `GET / HTTP/1.1${CR}Host: a${CR}Host: b${CR}${CR}`],
  ['Host with a path', `GET / HTTP/1.1${CR}Host: a/b${CR}${CR}`],
  ['another origin', `CONNECT example.com:443 HTTP/1.1${CR}Host: example.com:443${CR}${CR}`],
  ['blank in the target', `GET /a b HTTP/1.1${CR}Host: a${CR}${CR}`],
]);

const smuggling: Drill = {
  name: 'smuggling',
  does: `${FORBIDDEN.size} requests that no server may take, each with a second one hidden behind it`,
  why:
    'Whatever two servers could read differently is refused and the connection closed, so that no request hides in another. ' +
    'Not measured with others.',
  needs: [],
  isShort: true,
  async run(rig) {
    rig.file('/hidden.mp4', { sizeBytes: 1000 });
    const appliance = await rig.appliance();
    const hidden = `GET /hidden.mp4 HTTP/1.1${CR}Host: a${CR}${CR}`;
    for (const [what, bytes] of FORBIDDEN) {
      const answer = await sendRaw(appliance.url, [bytes + hidden], 5000);
      demand(
        answer.statuses.every((status) => status >= 400),
        `${what}: answered ${answer.statuses.join(', ')}`,
      );
      demand(answer.isClosed, `${what}: the connection stayed open`);
    }
    demand(rig.origin.askedFor('/hidden.mp4').length === 0, 'a hidden request reached the origin');
    for (const target of ['/../../../etc/passwd', '/%2e%2e/%2e%2e/etc/passwd', '/..%2f..%2fetc%2fpasswd']) {
      const { statuses } = await sendRaw(
        appliance.url,
        [`GET ${target} HTTP/1.1${CR}Host: a${CR}Connection: close${CR}${CR}`],
        5000,
      );
      demand(statuses.length === 1 && (statuses[0] ?? 0) >= 400, `${target}: answered ${statuses.join(', ')}`);
    }
    const after = await appliance.get('/hidden.mp4');
    demand(after.status === 200, 'it no longer serves');
    return `${FORBIDDEN.size} of ${FORBIDDEN.size} refused and closed, no hidden request answered, no way out of the volume`;
  },
};

const oddRanges: Drill = {
  name: 'odd-ranges',
  does: 'ranges that are wrong, overlapping, out of order, 200 at once, behind the end',
  why:
    'Right bytes or an honest refusal, the cost bounded, and nothing dies of it. ' +
    'Warm `bytes=0-0,-1`: nginx and Squid 206, slice and Traffic Server 200, Varnish 416; 200 ranges of a byte: nginx 18.6 KB, Squid 23 KB; an unknown unit: Varnish 416, which RFC 9110 forbids; behind the end: slice asks the origin each time, Squid sends the whole file.',
  needs: [],
  isShort: true,
  async run(rig) {
    const bytes = rig.file('/film.mp4');
    const appliance = await rig.appliance();
    await appliance.get('/film.mp4');
    const requests = rig.origin.askedFor('/film.mp4').length;
    const many = Array.from({ length: 200 }, (_, index) => `${index * 4000}-${index * 4000}`).join(',');
    const wanted: readonly (readonly [string, readonly number[]])[] = [
      ['bytes=0-0,-1', [206]],
      ['bytes=100-199,0-99,50-149', [200, 206]],
      [`bytes=${many}`, [200, 206, 416]],
      ['bytes=5-2', [200, 416]],
      ['bytes=5-4', [200, 416]],
      ['bytes=abc', [200, 416]],
      ['bytes=-0', [200, 416]],
      ['items=0-9', [200]],
      [`bytes=${FILE_BYTES}-`, [416]],
      [`bytes=${FILE_BYTES - 1}-`, [206]],
      ['bytes=-5', [206]],
    ];
    for (const [range, statuses] of wanted) {
      const answer = await appliance.get('/film.mp4', { range });
      demand(statuses.includes(answer.status), `${range.slice(0, 40)}: answered ${answer.status}`);
      if (answer.status === 200) demandBytes(answer.body, bytes, range.slice(0, 40));
      if (answer.status === 206)
        demandParts(answer.headers['content-type'], answer.headers['content-range'], answer.body, bytes);
    }
    const { length } = rig.origin.askedFor('/film.mp4');
    demand(length === requests, `the origin was asked ${length - requests} times more`);
    return `${wanted.length} of ${wanted.length} right or refused, without a word to the origin`;
  },
};

/** Every part of a 206 is what its own Content-Range says. */
function demandParts(type: string | undefined, range: string | undefined, body: Buffer, whole: Buffer): void {
  const pattern = /bytes (\d+)-(\d+)\/\d+/;
  const single = pattern.exec(range ?? '');
  if (single !== null) return demandBytes(body, whole.subarray(Number(single[1]), Number(single[2]) + 1), single[0]);
  demand(type?.startsWith('multipart/byteranges') === true, `206 of type ${type} without Content-Range`);
  const parts = [...body.toString('latin1').matchAll(/Content-Range: bytes (\d+)-(\d+)\/\d+\r\n\r\n/gi)];
  demand(parts.length > 1, 'a multipart answer without parts');
  for (const part of parts) {
    const [first, last] = [Number(part[1]), Number(part[2])];
    const start = part.index + part[0].length;
    demandBytes(body.subarray(start, start + last - first + 1), whole.subarray(first, last + 1), part[0].trim());
  }
}

export const clientDrills: readonly Drill[] = [purgeDuringSend, slowClients, smuggling, oddRanges];
