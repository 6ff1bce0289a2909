import { appendFile, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { examineFile } from '../../../fill-planner/catalog/media/examine-file.ts';
import { isOperational } from '../../../src/errors/operational-error.ts';
import { copyOfDemo, DEMO_MEDIA, edit, ingestFrom, segmentedTitle, temporaryFolder } from './demo-title.ts';

interface Breakage {
  readonly what: string;
  /** What the operator must be told. */
  readonly says: RegExp;
  readonly doIt: (folder: string) => Promise<unknown>;
}

const BREAKAGES: readonly Breakage[] = [
  {
    what: 'a media file that ends early',
    says: /v240\.mp4: box mdat at byte \d+: it says \d+ bytes, but only \d+ are left of the file: truncated/,
    doIt: (folder) => truncate(join(folder, 'v240.mp4'), 1_000_000),
  },
  {
    what: 'a media file that ends inside a box header',
    says: /v240\.mp4: .*truncated/,
    doIt: async (folder) => appendFile(join(folder, 'v240.mp4'), Buffer.from([0, 0, 0])),
  },
  {
    what: 'garbage under the name of a media file',
    says: /v240\.mp4: byte 0 begins no box/,
    doIt: (folder) => writeFile(join(folder, 'v240.mp4'), Buffer.alloc(100_000, 0xa7)),
  },
  {
    what: 'an error page under the name of a media file',
    says: /v240\.mp4: begins with 'ctyp', which begins no media file/,
    doIt: (folder) => writeFile(join(folder, 'v240.mp4'), '<!doctype html><h1>404</h1>'.repeat(50)),
  },
  {
    what: 'garbage in the middle of a media file',
    says: /v240\.mp4: (?:box \w+ at byte \d+|byte \d+ begins no box)/,
    doIt: async (folder) => {
      const file = join(folder, 'v240.mp4');
      const bytes = await readFile(file);
      const moofAt = bytes.indexOf('moof', 300_000) - 4;
      await writeFile(file, bytes.fill(0xee, moofAt, moofAt + 64));
    },
  },
  {
    what: 'an index that points beside the fragments',
    says: /v240\.mp4: box sidx at byte \d+: reference 0 points into the middle of a box/,
    doIt: async (folder) => {
      const file = join(folder, 'v240.mp4');
      const bytes = await readFile(file);
      const sidxAt = bytes.indexOf('sidx') - 4;
      const isLong = bytes.readUInt8(sidxAt + 8) === 1;
      bytes.writeUInt8(4, sidxAt + (isLong ? 35 : 27));
      await writeFile(file, bytes);
    },
  },
  { what: 'an empty media file', says: /a48\.mp4: is empty/, doIt: (folder) => truncate(join(folder, 'a48.mp4'), 0) },
  { what: 'a missing media file', says: /a48\.mp4: no such file/, doIt: (folder) => rm(join(folder, 'a48.mp4')) },
  {
    what: 'a missing media playlist',
    says: /v144\.m3u8: no such file/,
    doIt: (folder) => rm(join(folder, 'v144.m3u8')),
  },
  {
    what: 'a byte range beyond the file',
    says: /playlist v144\.m3u8: bytes \d+ to \d+ of v144\.mp4 reach beyond its 596215 bytes/,
    doIt: (folder) =>
      edit(join(folder, 'v144.m3u8'), (text) => text.replace(/BYTERANGE:\d+@1172\b/, 'BYTERANGE:999999@1172')),
  },
  {
    what: 'a byte range that cuts a box',
    says: /playlist v144\.m3u8: bytes 1173 to \d+ of v144\.mp4 begin in the middle of a box/,
    doIt: (folder) => edit(join(folder, 'v144.m3u8'), (text) => text.replace(/@1172\b/, '@1173')),
  },
  {
    what: 'a byte range that is none',
    says: /playlist v144\.m3u8 has '#EXT-X-BYTERANGE:x@y', which is not LENGTH@OFFSET/,
    doIt: (folder) => edit(join(folder, 'v144.m3u8'), (text) => text.replace(/BYTERANGE:\d+@1172\b/, 'BYTERANGE:x@y')),
  },
  {
    what: 'a path out of the folder',
    says: /playlist v144\.m3u8 names '\.\.\/secret\.mp4', which is outside the title's folder/,
    doIt: (folder) => edit(join(folder, 'v144.m3u8'), (text) => text.replaceAll('v144.mp4', '../secret.mp4')),
  },
  {
    what: 'a path out of the folder behind an escape',
    says: /names '\.\.%2F\.\.%2Fetc%2Fpasswd', which has an encoding that could leave/,
    doIt: (folder) => edit(join(folder, 'v144.m3u8'), (text) => text.replaceAll('v144.mp4', '..%2F..%2Fetc%2Fpasswd')),
  },
  {
    what: 'a file on another host',
    says: /names 'http:\/\/evil\.example\/v144\.mp4', which is outside the title's folder/,
    doIt: (folder) =>
      edit(join(folder, 'v144.m3u8'), (text) => text.replaceAll('v144.mp4', 'http://evil.example/v144.mp4')),
  },
  {
    what: 'a file URL',
    says: /names 'file:\/\/\/etc\/passwd', which is outside the title's folder/,
    doIt: (folder) => edit(join(folder, 'v144.m3u8'), (text) => text.replaceAll('v144.mp4', 'file:///etc/passwd')),
  },
  {
    what: 'a query behind a file name',
    says: /carries a query/,
    doIt: (folder) => edit(join(folder, 'v144.m3u8'), (text) => text.replaceAll('v144.mp4', 'v144.mp4?x=1')),
  },
  {
    what: 'a symbolic link out of the folder',
    says: /a48\.mp4: a symbolic link leads outside/,
    doIt: async (folder) => {
      await rm(join(folder, 'a48.mp4'));
      await symlink(join(DEMO_MEDIA, 'a48.mp4'), join(folder, 'a48.mp4'));
    },
  },
  {
    what: 'a playlist that is not one',
    says: /playlist master\.m3u8 does not begin with #EXTM3U/,
    doIt: (folder) => writeFile(join(folder, 'master.m3u8'), 'hello'),
  },
  {
    what: 'a media playlist where the multivariant one should be',
    says: /master\.m3u8 is a media playlist/,
    doIt: async (folder) => writeFile(join(folder, 'master.m3u8'), await readFile(join(folder, 'v144.m3u8'))),
  },
  {
    what: 'a playlist of a live stream',
    says: /v144\.m3u8 has no EXT-X-ENDLIST: it is live/,
    doIt: (folder) => edit(join(folder, 'v144.m3u8'), (text) => text.replace('#EXT-X-ENDLIST', '')),
  },
  {
    what: 'a variant without bandwidth',
    says: /variant v144\.m3u8 has no BANDWIDTH/,
    doIt: (folder) =>
      edit(join(folder, 'master.m3u8'), (text) => text.replace(/BANDWIDTH=\d+,AVERAGE-BANDWIDTH=\d+,/, '')),
  },
  {
    what: 'an MPD that is no XML',
    says: /MPD manifest\.mpd is not XML that we take/,
    doIt: (folder) => edit(join(folder, 'manifest.mpd'), (text) => text.replace('</Period>', '')),
  },
  {
    what: 'an MPD with entities',
    says: /has a document type declaration/,
    doIt: (folder) =>
      edit(join(folder, 'manifest.mpd'), (text) => text.replace('<MPD', '<!DOCTYPE MPD [<!ENTITY a "b">]><MPD')),
  },
  {
    what: 'an MPD of a live stream',
    says: /is of type dynamic: it is live/,
    doIt: (folder) => edit(join(folder, 'manifest.mpd'), (text) => text.replace('type="static"', 'type="dynamic"')),
  },
  {
    what: 'an MPD that names a file that is not there',
    says: /v999\.mp4: no such file/,
    doIt: (folder) => edit(join(folder, 'manifest.mpd'), (text) => text.replaceAll('v240.mp4', 'v999.mp4')),
  },
  {
    what: 'an MPD that leads out of the folder',
    says: /MPD manifest\.mpd, representation v240 names .* outside the title's folder/,
    doIt: (folder) => edit(join(folder, 'manifest.mpd'), (text) => text.replaceAll('v240.mp4', '../../v240.mp4')),
  },
  {
    what: 'a name that is too long for the catalogue',
    says: /does not fit into the catalogue: hls\.media\.0\.name/,
    doIt: (folder) => edit(join(folder, 'master.m3u8'), (text) => text.replace('"Tone"', `"${'x'.repeat(200)}"`)),
  },
  {
    what: 'a folder without manifests',
    says: /has neither master\.m3u8 nor manifest\.mpd/,
    doIt: async (folder) => {
      await rm(join(folder, 'master.m3u8'));
      await rm(join(folder, 'manifest.mpd'));
    },
  },
];

describe('a broken title is refused with reason and place:', () => {
  test.each(BREAKAGES)('$what', async ({ says, doIt }) => {
    await using folder = await copyOfDemo();
    await doIt(folder.path);
    const error = await ingestFrom(folder.path).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(isOperational(error, 'MEDIA_BROKEN'), String(error)).toBe(true);
    expect(isOperational(error) ? error.detail : '').toMatch(says);
  });

  test('a segment that a template counts and that is not there', async () => {
    await using folder = await temporaryFolder();
    await segmentedTitle(folder.path, 'number');
    await rm(join(folder.path, 'v144', 'seg-031.m4s'));
    await expect(
      ingestFrom(folder.path, { manifestNames: { required: ['manifest.mpd'], optional: [] } }),
    ).rejects.toThrow(/seg-031\.m4s: no such file/);
  });

  test('a template that counts more segments than anybody has', async () => {
    await using folder = await temporaryFolder();
    await segmentedTitle(folder.path, 'number');
    await edit(join(folder.path, 'manifest.mpd'), (text) => text.replace('duration="2000"', 'duration="0.001"'));
    await expect(
      ingestFrom(folder.path, { manifestNames: { required: ['manifest.mpd'], optional: [] } }),
    ).rejects.toThrow(/it counts \d+ segments/);
  });

  test('a file over the limit, without reading it', async () => {
    await expect(ingestFrom(DEMO_MEDIA, { maxFileBytes: 1_000_000 })).rejects.toThrow(/v240\.mp4: over the limit/);
  });

  test('a title over the limit', async () => {
    await expect(ingestFrom(DEMO_MEDIA, { maxTitleBytes: 2_000_000 })).rejects.toThrow(/over the limit of 2000000/);
  });
});

test('any damage to a media file ends in a segment map or a refusal, never in another error or a hang', async () => {
  const whole = await readFile(join(DEMO_MEDIA, 'a48.mp4'));
  // Headers, index and the first fragments: where damage is structure, not pictures.
  const head = whole.subarray(0, 40_000);
  const damage = fc.array(fc.tuple(fc.integer({ min: 0, max: 2500 }), fc.integer({ min: 0, max: 255 })), {
    minLength: 1,
    maxLength: 6,
  });
  const cuts = fc.integer({ min: 1, max: head.length });
  const chunkBytes = fc.integer({ min: 1, max: 9000 });
  await fc.assert(
    fc.asyncProperty(damage, cuts, chunkBytes, async (bytes, cutAt, size) => {
      const damaged = Buffer.from(head.subarray(0, cutAt));
      for (const [at, value] of bytes) if (at < damaged.length) damaged.writeUInt8(value, at);
      const chunks = Array.from({ length: Math.ceil(damaged.length / size) }, (_, index) =>
        damaged.subarray(index * size, (index + 1) * size),
      );
      const options = { path: 'a48.mp4', maxBytes: 1e9, onProgress: () => undefined };
      await examineFile(chunks, options).catch((error: unknown) => {
        if (!isOperational(error, 'MEDIA_BROKEN')) throw error;
      });
    }),
    { numRuns: 1500 },
  );
});

describe('a CMAF file that was cut', () => {
  const options = { path: 'v144.mp4', maxBytes: 1e9, onProgress: () => undefined };
  const outcomeAt = (bytes: Buffer, at: number) =>
    examineFile([bytes.subarray(0, at)], options).then(
      () => 'taken',
      (error: unknown) => (isOperational(error, 'MEDIA_BROKEN') ? error.detail : `another error: ${String(error)}`),
    );

  test('anywhere is refused with the box and its place, when it has an index', async () => {
    const bytes = await readFile(join(DEMO_MEDIA, 'v144.mp4'));
    const headerBytes = bytes.indexOf('sidx') - 4 + bytes.readUInt32BE(bytes.indexOf('sidx') - 4);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: headerBytes, max: bytes.length - 1 }), async (at) => {
        expect(await outcomeAt(bytes, at)).toMatch(
          /^v144\.mp4: (?:box (?:sidx|moof|mdat) at byte \d+: |\d+ bytes at byte \d+ are no box: truncated)/,
        );
      }),
      { numRuns: 300 },
    );
  });

  test('inside of a box is refused with the box and its place, when it has none', async () => {
    const { files } = await ingestFrom(DEMO_MEDIA);
    const starts =
      files.find(({ path }) => path.endsWith('/v144.mp4'))?.segments.map(({ startByte }) => startByte) ?? [];
    const whole = await readFile(join(DEMO_MEDIA, 'v144.mp4'));
    const sidxAt = whole.indexOf('sidx') - 4;
    const indexBytes = whole.readUInt32BE(sidxAt);
    const bytes = Buffer.concat([whole.subarray(0, sidxAt), whole.subarray(sidxAt + indexBytes)]);
    // A cut between two fragments leaves a shorter film, which only a manifest can tell from a whole one.
    const borders = new Set(starts.map((start) => start - indexBytes));
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: sidxAt + 1, max: bytes.length - 1 }), async (at) => {
        const says = await outcomeAt(bytes, at);
        if (borders.has(at)) expect(says).toBe('taken');
        else expect(says).toMatch(/box (?:moof|mdat) at byte \d+|are no box: truncated/);
      }),
      { numRuns: 300 },
    );
  });
});

test('a file reads the same however its bytes are cut into chunks', async () => {
  const whole = await readFile(join(DEMO_MEDIA, 'a48.mp4'));
  const options = { path: 'a48.mp4', maxBytes: 1e9, onProgress: () => undefined };
  const expected = await examineFile([whole], options);
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 100_000 }), async (size) => {
      const pieces = Math.min(4000, Math.ceil(whole.length / size));
      const step = Math.ceil(whole.length / pieces);
      const chunks = Array.from({ length: pieces }, (_, index) => whole.subarray(index * step, (index + 1) * step));
      expect(await examineFile(chunks, options)).toEqual(expected);
    }),
    { numRuns: 30 },
  );
});
