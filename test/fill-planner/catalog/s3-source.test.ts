import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findTitles } from '../../../fill-planner/catalog/source/find-titles.ts';
import { readS3Credentials } from '../../../fill-planner/catalog/source/s3-credentials.ts';
import { isOperational } from '../../../src/errors/operational-error.ts';
import { RunningPlanner } from '../running-planner.ts';
import { copyOfDemo, DEMO_MEDIA, edit, ingest, ingestFrom, temporaryFolder } from './demo-title.ts';
import { CREDENTIALS, SwiftStore } from './swift-store.ts';

const { signal } = new AbortController();

let swift: SwiftStore;
beforeAll(async () => {
  swift = await SwiftStore.start();
  await swift.makeBucket('vod');
  await swift.putFolder('vod', 'films/2024/One Film/', DEMO_MEDIA);
  await swift.putFolder('vod', 'films/2025/two/', DEMO_MEDIA);
  await swift.put('vod', 'films/readme.txt', Buffer.from('no title'));
});
afterAll(() => swift[Symbol.asyncDispose]());

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

describe('an object store (OpenStack Swift with its S3 interface)', () => {
  test('gives the same title as a directory', async () => {
    const source = swift.store().source('vod', 'films/2024/One Film/');
    expect(await ingest(source)).toEqual(await ingestFrom(DEMO_MEDIA));
  });

  test('gives the rest of an object, and tells another object of the same name', async () => {
    const source = swift.store().source('vod', 'films/2025/two/');
    const bytes = await readFile(join(DEMO_MEDIA, 'v144.mp4'));
    const validator = (await source.identify('v144.mp4', signal)) ?? '';
    expect(validator).toMatch(/^"[0-9a-f]{32}" \d+$/);
    const opened = await source.open('v144.mp4', signal, { startByte: 100_000, validator });
    if (opened === undefined) throw new Error('the object is gone');
    expect(Buffer.concat(await collect(opened.chunks))).toEqual(bytes.subarray(100_000));
    expect(opened.sizeBytes).toBe(bytes.length);
    const error = await failure(source.open('v144.mp4', signal, { startByte: 1, validator: '"other" 5' }));
    expect(isOperational(error, 'SOURCE_CHANGED')).toBe(true);
    expect(await source.open('nothing.mp4', signal)).toBeUndefined();
    expect(await source.identify('nothing.mp4', signal)).toBeUndefined();
  });

  test.each([1000, 3])('lists all titles below a prefix, %d keys to a page', async (keysPerPage) => {
    const store = swift.store(CREDENTIALS, keysPerPage);
    const list = (path: string) => store.list('vod', path === '' ? 'films/' : `films/${path}/`, signal);
    expect(await collect(findTitles(list))).toEqual(['2024/One Film', '2025/two']);
  });

  test.each(['v+1.mp4', "v (1)!*'.mp4", 'vé~%41.mp4', 'a b.mp4'])('has objects called %s', async (name) => {
    await using folder = await copyOfDemo();
    const uri = encodeURIComponent(name).replaceAll('%2B', '+');
    await edit(join(folder.path, 'v144.m3u8'), (text) => text.replaceAll('v144.mp4', uri));
    const prefix = `odd/${name.length}/`;
    for (const file of ['master.m3u8', 'v144.m3u8', 'v240.m3u8', 'v360.m3u8', 'a48.m3u8'])
      await swift.put('vod', prefix + file, await readFile(join(folder.path, file)));
    for (const file of ['v240.mp4', 'v360.mp4', 'a48.mp4'])
      await swift.put('vod', prefix + file, await readFile(join(folder.path, file)));
    await swift.put('vod', prefix + name, await readFile(join(folder.path, 'v144.mp4')));
    const { files } = await ingest(swift.store().source('vod', prefix));
    expect(files.map(({ path }) => decodeURIComponent(path))).toContain(`/vod/demo/${name}`);
  });

  test('refuses a wrong key in its own words, and nothing of the key is repeated', async () => {
    const wrong = { ...CREDENTIALS, secretAccessKey: 'wrong-secret' };
    const source = swift.store(wrong).source('vod', 'films/2025/two/');
    for (const error of [
      await failure(source.open('master.m3u8', signal)),
      await failure(swift.store(wrong).list('vod', 'films/', signal)),
    ]) {
      expect(isOperational(error, 'SOURCE_STATUS')).toBe(true);
      expect(String(error)).toMatch(/403, SignatureDoesNotMatch/);
      expect(JSON.stringify(error) + String(error)).not.toMatch(/wrong-secret|tester/);
    }
  });

  test('without that bucket says so', async () => {
    const error = await failure(swift.store().list('nobody', '', signal));
    expect(String(error)).toMatch(/404, NoSuchBucket/);
  });
});

describe('a planner with an object store', () => {
  test('takes all titles below a prefix, once, with its credentials from a file', async () => {
    await using folder = await temporaryFolder();
    const s3Credentials = join(folder.path, 'credentials');
    const { accessKeyId, secretAccessKey } = CREDENTIALS;
    await writeFile(
      s3Credentials,
      `[other]\naws_access_key_id = x\n[default]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key=${secretAccessKey}\n`,
    );
    await using planner = await RunningPlanner.start({ s3Endpoint: swift.url, s3Credentials, origin: 'http://origin' });
    const request = { source: 's3://vod/films/', all: true };
    expect((await planner.addTitle(request)).at(-1)).toMatchObject({ kind: 'all-done', added: 2, failed: 0 });
    expect((await planner.addTitle(request)).at(-1)).toMatchObject({ kind: 'all-done', unchanged: 2, failed: 0 });
    const title = JSON.stringify(await planner.admin.get('/v1/titles/2024-one-film'));
    expect(title).toContain('"/films/2024/One%20Film/v144.mp4"');
    expect(title).toContain('"originUrl":"http://origin"');
    const one = await planner.addTitle({
      source: 's3://vod/films/2025/two/master.m3u8',
      id: 'second',
      pathPrefix: '/x',
    });
    expect(one.at(-1)).toMatchObject({ kind: 'done', changed: true });
  });
});

describe('credentials', () => {
  test('come from the environment when no file is named', async () => {
    const environment = { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b', AWS_SESSION_TOKEN: 'c' };
    expect(await readS3Credentials('', environment)).toEqual({
      accessKeyId: 'a',
      secretAccessKey: 'b',
      sessionToken: 'c',
    });
    await expect(readS3Credentials('', { AWS_ACCESS_KEY_ID: 'a' })).rejects.toThrow(/no credentials for the store/);
  });

  test('of a file that has none are refused without a word of the file', async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'c');
    await writeFile(file, '[default]\naws_secret_access_key = hush\n[other]\naws_access_key_id = x\n');
    const error = await failure(readS3Credentials(file, {}));
    expect(String(error)).toMatch(/has no aws_access_key_id/);
    expect(String(error)).not.toContain('hush');
    await expect(readS3Credentials(join(folder.path, 'none'), {})).rejects.toThrow(/ENOENT/);
  });
});
