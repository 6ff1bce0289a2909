import { setTimeout as delay } from 'node:timers/promises';
import { type Drill, demand, demandBytes, eventually, isMachineBusy, percentile } from '../drill.ts';
import { FILE_BYTES, MIB } from '../rig/drill-rig.ts';

/** One block and what a request to the origin may bring besides. */
const ONE_BLOCK_AND_SLACK = MIB + 65_536;
const FOLLOWERS = 10;
const SLOW_FILL_MS = 3000;
const FIRST_BYTE_MS = 100;
/** A third of what nginx's followers waited for the end of the fill. */
const BUSY_FIRST_BYTE_MS = 1000;

const coldRange: Drill = {
  name: 'cold-range',
  does: 'asks for 1 byte in the middle of a cold file of 4 MiB',
  why:
    'A player that seeks must not cost the origin the whole film, and what came must be kept: the second time is a hit. ' +
    'From the origin took: nginx, Varnish and Squid (range_offset_limit none) 4 MiB, nginx slice 1 MiB; Traffic Server and Squid as it comes 1 byte each time, never stored.',
  needs: [],
  isShort: true,
  async run(rig) {
    const bytes = rig.file('/film.mp4');
    const appliance = await rig.appliance();
    const middle = FILE_BYTES / 2;
    const first = await appliance.get('/film.mp4', { range: `bytes=${middle}-${middle}` });
    demand(first.status === 206, `answered ${first.status}`);
    demandBytes(first.body, bytes.subarray(middle, middle + 1), 'the byte');
    await eventually('the block is stored', async () => (await appliance.heldBlocks('/film.mp4')) === 1);
    const sent = rig.origin.sentBytes('/film.mp4');
    demand(sent > 0 && sent <= ONE_BLOCK_AND_SLACK, `the origin sent ${sent} bytes`);
    const again = await appliance.get('/film.mp4', { range: `bytes=${middle + 1}-${middle + 9}` });
    demandBytes(again.body, bytes.subarray(middle + 1, middle + 10), 'its neighbours');
    demand(rig.origin.sentBytes('/film.mp4') === sent, 'the second time was no hit');
    return `the origin sent ${(sent / MIB).toFixed(2)} MiB, the second time nothing`;
  },
};

const joining: Drill = {
  name: 'ten-join',
  does: 'ten clients ask for a file whose fill takes 3 s, one after the other',
  why:
    'Who comes while a file is on its way gets at once what is there and the rest as it comes; the origin is asked once per block. ' +
    'Followers waited for their first byte: nginx with its lock 3.0 s (median), nginx slice 1.0 s with one request per block, Traffic Server 0.63 s, Varnish 2 ms, Squid 1 ms.',
  needs: [],
  isShort: false,
  async run(rig) {
    const bytes = rig.file('/film.mp4');
    rig.origin.behave('/film.mp4', () => ({ bytesPerSec: FILE_BYTES / (SLOW_FILL_MS / 1000) }));
    const appliance = await rig.appliance();
    const leader = await appliance.open('/film.mp4');
    await leader.received(1);
    const waits: number[] = [];
    const followers = Array.from({ length: FOLLOWERS }, async (_, index) => {
      await delay(index * (SLOW_FILL_MS / FOLLOWERS / 2));
      const askedMs = performance.now();
      const follower = await appliance.open('/film.mp4');
      await follower.received(1);
      waits.push(performance.now() - askedMs);
      demand((await follower.ended) === 'complete', 'a follower was cut');
      demandBytes(follower.body, bytes, 'a follower');
    });
    await Promise.all(followers);
    demand((await leader.ended) === 'complete', 'the leader was cut');
    demandBytes(leader.body, bytes, 'the leader');
    const sent = rig.origin.sentBytes('/film.mp4');
    demand(sent === FILE_BYTES, `the origin sent ${sent} bytes of a file of ${FILE_BYTES}`);
    const p95Ms = percentile(waits, 0.95);
    const limitMs = isMachineBusy() ? BUSY_FIRST_BYTE_MS : FIRST_BYTE_MS;
    demand(p95Ms < limitMs, `p95 of the followers' time to first byte was ${p95Ms.toFixed(0)} ms`);
    const requests = rig.origin.askedFor('/film.mp4').length;
    return `p95 to first byte ${p95Ms.toFixed(0)} ms${limitMs === FIRST_BYTE_MS ? '' : ' on a busy machine'}, every byte fetched once, in ${requests} request${requests === 1 ? '' : 's'}`;
  },
};

const sameColdRange: Drill = {
  name: 'ten-same-range',
  does: 'ten clients ask for the same cold first MiB at once',
  why:
    'A range is shared like a whole file. ' +
    'nginx, Varnish and Squid (none) fetched the whole file once, nginx slice one block (clients waited 1.0 s), Traffic Server and Squid as it comes asked the origin ten times.',
  needs: [],
  isShort: true,
  async run(rig) {
    const bytes = rig.file('/film.mp4');
    rig.origin.behave('/film.mp4', () => ({ headDelayMs: 200 }));
    const appliance = await rig.appliance();
    const range = { range: `bytes=0-${MIB - 1}` };
    const answers = await Promise.all(Array.from({ length: 10 }, () => appliance.get('/film.mp4', range)));
    for (const { body } of answers) demandBytes(body, bytes.subarray(0, MIB), 'a client');
    const sent = rig.origin.sentBytes('/film.mp4');
    demand(sent <= ONE_BLOCK_AND_SLACK, `the origin sent ${sent} bytes`);
    return `the origin was asked ${rig.origin.askedFor('/film.mp4').length} time(s) and sent ${(sent / MIB).toFixed(2)} MiB`;
  },
};

const dropOnce: Drill = {
  name: 'drop-once',
  does: 'the origin drops the connection at 1 MiB of 4, once',
  why:
    'The rest is asked for from the byte where it stopped, with If-Range; the client sees nothing. ' +
    'All five caches measured cut the client off and threw away what had come (nginx slice kept whole blocks).',
  needs: [],
  isShort: true,
  async run(rig) {
    const bytes = rig.file('/film.mp4');
    rig.origin.behave('/film.mp4', (_, count) => (count === 0 ? { cutAfterBytes: MIB + 100_000 } : {}));
    const appliance = await rig.appliance();
    const answer = await appliance.get('/film.mp4');
    demand(answer.end === 'complete', `the client was cut at ${answer.body.length}`);
    demandBytes(answer.body, bytes, 'the client');
    const asked = rig.origin.askedFor('/film.mp4');
    const extra = rig.origin.sentBytes('/film.mp4') - FILE_BYTES;
    demand(
      asked.slice(1).every(({ headers }) => headers['if-range'] !== undefined),
      'a later range had no If-Range',
    );
    demand(extra <= 131_072, `${extra} bytes were fetched twice`);
    return `right bytes, ${extra} bytes fetched twice, ${asked.length} requests`;
  },
};

const dropAlways: Drill = {
  name: 'drop-always',
  does: 'the origin drops every answer at 50 % of what it should send, three files',
  why:
    'Every answer brings the fill further, so it ends: as long as bytes come, trying again is progress. ' +
    'nginx, nginx slice, Varnish, Squid and Traffic Server: 0 of 3.',
  needs: [],
  isShort: true,
  async run(rig) {
    const appliance = await rig.appliance();
    let requests = 0;
    for (const name of ['/a.mp4', '/b.mp4', '/c.mp4']) {
      const bytes = rig.file(name);
      rig.origin.behave(name, ({ range }) => ({ cutAfterBytes: Math.max(1, Math.floor(wantedBytes(range) / 2)) }));
      const answer = await appliance.get(name);
      demand(answer.end === 'complete', `the client was cut at ${answer.body.length} of ${bytes.length}`);
      demandBytes(answer.body, bytes, name);
      requests += rig.origin.askedFor(name).length;
    }
    return `right bytes 3 of 3, with ${requests} requests to the origin`;
  },
};

function wantedBytes(range: string | undefined): number {
  const match = /^bytes=(\d+)-(\d*)$/.exec(range ?? '');
  if (match === null) return FILE_BYTES;
  return (match[2] === '' ? FILE_BYTES - 1 : Math.min(FILE_BYTES - 1, Number(match[2]))) - Number(match[1]) + 1;
}

const changedBetween: Drill = {
  name: 'validator-changes',
  does: 'the file is replaced at the origin between two of its blocks, ten times',
  why:
    'A body is wholly old or wholly new, or it is cut; and the next request is right. Splicing two encodes shows as green blocks, and a stuck object as a film that never plays. ' +
    'nginx slice answered 200 with the full length and sent half, on all three tries, for as long as its first blocks were fresh.',
  needs: [],
  isShort: true,
  async run(rig) {
    const appliance = await rig.appliance({ readAheadBlocks: 0 });
    let [cut, whole] = [0, 0];
    for (let round = 0; round < 10; round += 1) {
      const path = `/film-${round}.mp4`;
      const old = rig.file(path);
      const start = await appliance.get(path, { range: `bytes=0-${MIB - 1}` });
      demandBytes(start.body, old.subarray(0, MIB), 'the first block');
      // Replaced before anybody asks again, or right after the next request has reached the origin.
      let fresh = old;
      const replace = (): void => void (fresh = rig.file(path));
      if (round % 2 === 0) replace();
      else rig.origin.behave(path, (_, count) => (count === 2 ? (replace(), {}) : {}));
      const answer = await appliance.get(path);
      if (round % 2 === 1 && fresh === old) replace();
      const isOld = Buffer.compare(answer.body, old) === 0;
      const isNew = Buffer.compare(answer.body, fresh) === 0;
      demand(answer.end === 'cut' || isOld || isNew, `round ${round}: complete, and neither the old nor the new`);
      if (answer.end === 'cut') cut += 1;
      else whole += 1;
      rig.origin.behaveWell(path);
      const next = await appliance.get(path, { 'cache-control': 'no-cache' });
      demand(next.status === 200, `round ${round}: the next request got ${next.status}`);
      demandBytes(next.body, fresh, `round ${round}: the next request`);
    }
    return `${whole} of 10 whole, ${cut} cut, none spliced, the next request right 10 of 10`;
  },
};

const dead: Drill = {
  name: 'origin-dead',
  does: 'the origin is gone: what is held and stale, what is not held, what was not there',
  why:
    'What is held is served past its freshness as far as the origin allowed (stale-if-error), what is not held gets a quick and honest 502 or 504, and an answer "not found" is remembered for as long as it said. ' +
    'No figures of other caches: a row of our own.',
  needs: [],
  isShort: true,
  async run(rig) {
    const bytes = rig.file('/film.mp4', { headers: { 'cache-control': 'max-age=1, stale-if-error=600' } });
    rig.file('/strict.mp4', { headers: { 'cache-control': 'max-age=1, must-revalidate' } });
    const appliance = await rig.appliance();
    await appliance.get('/film.mp4');
    await appliance.get('/strict.mp4');
    await eventually('the file is stored', async () => (await appliance.heldBlocks('/film.mp4')) === 4);
    await rig.origin.stop();
    await delay(1500);
    const stale = await appliance.get('/film.mp4');
    demand(stale.status === 200, `what is held and may be stale was answered with ${stale.status}`);
    demandBytes(stale.body, bytes, 'the stale answer');
    const strict = await appliance.get('/strict.mp4');
    demand(strict.status >= 502 && strict.status <= 504, `must-revalidate was answered with ${strict.status}`);
    const waits: number[] = [];
    for (let index = 0; index < 10; index += 1) {
      const { status, totalMs } = await appliance.get(`/cold-${index}.mp4`);
      demand(status === 502 || status === 503 || status === 504, `what is not held was answered with ${status}`);
      waits.push(totalMs);
    }
    const p95Ms = percentile(waits, 0.95);
    demand(p95Ms < 2000, `a 502 took ${p95Ms.toFixed(0)} ms`);
    return `stale served, must-revalidate refused, 502 in ${p95Ms.toFixed(0)} ms (p95)`;
  },
};

export const originDrills: readonly Drill[] = [
  coldRange,
  joining,
  sameColdRange,
  dropOnce,
  dropAlways,
  changedBetween,
  dead,
];
