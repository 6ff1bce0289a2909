import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  globSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { OpenAnswer } from '../appliance/support/http-client.ts';
import { eventually, IN_TIME, RunningNetwork } from './support/running-network.ts';

// Every wait has its own, shorter deadline, which says what did not happen.
vi.setConfig({ testTimeout: 180_000 });

const MIB = 2 ** 20;
/** Far more than the sockets of both ends together take in, so that a download that is not read stays under way. */
const bytes = randomBytes(32 * MIB);
const PATH = '/large/film.bin';
const SESSION = 'viewer';
const folder = mkdtempSync(join(tmpdir(), 'oca-large-'));
let network: RunningNetwork;

beforeAll(async () => {
  writeFileSync(join(folder, 'film.bin'), bytes);
  // What returns has its full share at once: these tests are about leaving and coming back, not about warming up.
  network = RunningNetwork.create({ mounts: { '/large': folder }, parameters: { steering: { warmUpMs: 0 } } });
  await network.start(() => undefined);
});

/** Every test begins with the whole fleet in the ranking. */
beforeEach(async () => {
  for (const id of network.applianceIds) await network.revive(id);
  await network.waitForSteering();
});

afterAll(async () => {
  await network.end();
  rmSync(folder, { recursive: true, force: true });
});

const isRanked = async (id: string): Promise<boolean> => (await network.order(SESSION)).includes(id);

async function expectWhole(id: string, name: string): Promise<void> {
  const answer = await network.get(id, `/vod/bars/${name}`);
  expect(answer.status).toBe(200);
  expect(answer.body.equals(network.media(name)), `${id} ${name}`).toBe(true);
}

/** A download that its client does not read on: the appliance has not sent all of it. */
async function stalledDownload(id: string): Promise<OpenAnswer> {
  await network.get(id, PATH);
  const download = await network.open(id, PATH);
  await download.received(1);
  download.pause();
  await eventually(async () => (await network.describe(id)).load.activeRequests === 1);
  return download;
}

test('after kill -9 an appliance leaves the ranking, others serve, and restarted it serves from its disk', async () => {
  const [first = '', ...others] = await network.order(SESSION);
  await network.kill(first);
  await expect.poll(() => network.leftOut(SESSION), IN_TIME).toEqual([`${first} lease-expired`]);
  await expect.poll(() => network.order(SESSION), IN_TIME).toEqual(others);
  for (const id of others.filter((place) => place !== 'origin')) await expectWhole(id, 'v240.mp4');

  const before = await network.originStats();
  await network.revive(first);
  for (const name of ['v144.mp4', 'v240.mp4', 'v360.mp4', 'a48.mp4']) await expectWhole(first, name);
  // Which of two equals comes first is also a matter of their load, which on a busy machine is not the same.
  await expect.poll(async () => (await network.order(SESSION)).toSorted(), IN_TIME).toEqual([first, ...others].sort());
  expect((await network.originStats()).bytes).toBe(before.bytes);
});

test('drained, an appliance leaves the ranking with the call, finishes what runs, and comes back undrained', async () => {
  const [first = ''] = await network.order(SESSION);
  const download = await stalledDownload(first);
  await network.setDraining(first, true);
  expect(await isRanked(first)).toBe(false);
  expect(await network.leftOut(SESSION)).toContain(`${first} not-serving`);
  // Who comes all the same is served: his player learned of it too late.
  await expectWhole(first, 'v144.mp4');
  download.resume();
  expect(await download.ended).toBe('complete');
  expect(download.body.equals(bytes)).toBe(true);
  await network.setDraining(first, false);
  // Whether it is the first again at once is a matter of its load, in which the download is for some seconds.
  await eventually(() => isRanked(first));
});

test('SIGTERM takes an appliance out of the ranking and lets a download finish', async () => {
  const [first = ''] = await network.order(SESSION);
  const download = await stalledDownload(first);
  const process_ = network.process(first);
  process.kill(process_.pid, 'SIGTERM');
  await eventually(async () => !(await isRanked(first)));
  download.resume();
  expect(await download.ended).toBe('complete');
  expect(download.body.equals(bytes)).toBe(true);
  await eventually(() => !process_.running);
  expect(process_.exitCode).toBe(0);
  await expectWhole((await network.order(SESSION))[0] ?? '', 'v360.mp4');
});

/** The file that holds the blocks of a path on an appliance's volume. */
function blockFile(id: string, path: string): string {
  const name = createHash('sha256').update(path).digest('hex');
  const [file = ''] = globSync(join(network.folder, id, 'volume/v1/data/*', `${name}-*`));
  return file;
}

/** The blocks of a file as they stand on the disk; behind them the store keeps its own. */
const onDisk = (id: string, path: string): Buffer => readFileSync(blockFile(id, path));

/** Flips the bits of one stored byte while the appliance is down, so that no memory knows the byte as it was. */
async function rot(id: string, path: string, position: number): Promise<void> {
  await network.kill(id);
  const file = openSync(blockFile(id, path), 'r+');
  const byte = Buffer.alloc(1);
  readSync(file, byte, 0, 1, position);
  writeSync(file, Buffer.of((byte[0] ?? 0) ^ 0xff), 0, 1, position);
  closeSync(file);
  await network.revive(id);
}

test('a byte that rotted on a disk reaches no viewer: its block is fetched from a peer again and kept', async () => {
  const path = '/vod/bars/v360.mp4';
  const media = network.media('v360.mp4');
  const { files } = await network.plan('oca-south-1');
  expect(files.find((file) => file.path === path)?.sources[0]?.kind).toBe('tier');
  const before = await network.originStats();
  const position = MIB + 4711;
  await rot('oca-south-1', path, position);
  const range = `bytes=${position - 10}-${position + 10}`;
  const answer = await network.get('oca-south-1', path, { headers: { range } });
  expect(answer.status).toBe(206);
  expect(answer.body.equals(media.subarray(position - 10, position + 11))).toBe(true);
  await eventually(() => onDisk('oca-south-1', path).subarray(0, media.length).equals(media));
  expect((await network.originStats()).bytes).toBe(before.bytes);
});

test('a peer whose copy has rotted gives no wrong byte on, and takes the block anew itself', async () => {
  const path = '/vod/bars/v240.mp4';
  const media = network.media('v240.mp4');
  const plan = await network.plan('oca-south-1');
  const master = plan.files.find((file) => file.path === path)?.sources[0]?.id ?? '';
  expect(network.applianceIds).toContain(master);
  await rot(master, path, 99);
  expect(await network.admin('oca-south-1', '/v1/purge', { path })).toMatchObject({
    status: 'complete',
    purged: { objects: 1 },
  });
  const filled = await network.get('oca-south-1', path);
  expect(filled.body.equals(media)).toBe(true);
  await expectWhole(master, 'v240.mp4');
  await eventually(() => onDisk(master, path).subarray(0, media.length).equals(media));
});
