import { describe, expect, test } from 'vitest';
import {
  type IngestRequest,
  parseIngestRequest,
  planIngest,
  sourceForLog,
} from '../../../fill-planner/catalog/ingest-request.ts';
import { HttpClient } from '../../../src/client/http-client.ts';
import { FakeWorld } from '../../support/fake-world.ts';
import { DEMO_MEDIA } from './demo-title.ts';

// Nothing is asked for: planning an ingest only names things.
const http = new HttpClient({ connectTimeoutMs: 1, maxConnectionsPerHost: 1 });
const noS3 = () => Promise.reject(new Error('nobody asked for an object store'));
const plan = (request: object, defaultOriginUrl = '') =>
  planIngest(parseIngestRequest(request), { http, world: new FakeWorld(), defaultOriginUrl, s3: noS3 });

const URLS: readonly (readonly [Partial<IngestRequest> & { source: string }, object])[] = [
  [
    { source: 'https://o.example/vod/T-123/' },
    { id: 't-123', name: 't-123', pathPrefix: '/vod/T-123', originUrl: 'https://o.example' },
  ],
  [
    { source: 'https://o.example:8443/vod/t1' },
    { id: 't1', pathPrefix: '/vod/t1', originUrl: 'https://o.example:8443' },
  ],
  [
    { source: 'http://o.example/vod/t1/master.m3u8' },
    { id: 't1', pathPrefix: '/vod/t1', originUrl: 'http://o.example' },
  ],
  [{ source: 'http://o.example/A%20film/x.mpd' }, { id: 'a-20film', pathPrefix: '/A%20film' }],
  [
    {
      source: 'http://o.example/vod/t1/',
      id: 'other',
      name: 'A name',
      pathPrefix: '/public/',
      originUrl: 'http://cdn',
    },
    { id: 'other', name: 'A name', pathPrefix: '/public', originUrl: 'http://cdn' },
  ],
];

describe('a title by URL', () => {
  test.each(URLS)('%o is called %o', async (request, naming) => {
    expect((await plan(request)).naming).toMatchObject(naming);
  });

  test('of a folder is looked at for both manifests, of a manifest for that one and its sibling', async () => {
    const names = async (source: string) => (await plan({ source })).manifestNames;
    expect(await names('http://o/t/')).toEqual({ required: [], optional: ['master.m3u8', 'manifest.mpd'] });
    expect(await names('http://o/t/index.m3u8')).toEqual({ required: ['index.m3u8'], optional: ['manifest.mpd'] });
    expect(await names('http://o/t/stream.mpd')).toEqual({ required: ['stream.mpd'], optional: ['master.m3u8'] });
  });

  test.each(['http://user:secret@o.example/t/', 'http://o.example/t/?token=1', 'http://o.example/'])(
    '%s is refused',
    async (source) => {
      await expect(plan({ source })).rejects.toThrow(/credentials|gives no id/);
    },
  );
});

describe('a title by directory', () => {
  test('is public under its id and comes from the origin of the planner unless it names one', async () => {
    expect((await plan({ source: DEMO_MEDIA, id: 'x' }, 'http://o')).naming).toEqual({
      id: 'x',
      name: 'x',
      pathPrefix: '/x',
      originUrl: 'http://o',
    });
    expect((await plan({ source: DEMO_MEDIA, originUrl: 'http://mine' }, 'http://o')).naming).toMatchObject({
      id: 'media',
      originUrl: 'http://mine',
    });
  });

  test('without any origin is refused', async () => {
    await expect(plan({ source: DEMO_MEDIA })).rejects.toThrow(/needs an origin URL/);
  });
});

test('a source is logged without what is secret in its URL', () => {
  for (const [source, logged] of [
    ['https://user:password@origin.example/vod/t1/master.m3u8?token=x#y', 'https://origin.example/vod/t1/master.m3u8'],
    ['https://', 'no URL'],
    ['/srv/titles/t1', '/srv/titles/t1'],
  ] as const)
    expect(sourceForLog({ source })).toBe(logged);
});
