import { expect, test } from 'vitest';
import { examineFile } from '../../../fill-planner/catalog/media/examine-file.ts';

const box = (type: string, sizeBytes: number): Buffer => {
  const header = Buffer.alloc(8);
  header.writeUInt32BE(sizeBytes);
  header.write(type, 4, 'latin1');
  return header;
};
const options = { path: 'v.mp4', maxBytes: 1e9, onProgress: () => undefined };

test.each([9, 200_000])('boxes nested %i deep are a broken file, not the end of the planner', async (depth) => {
  const nested = Array.from({ length: depth }, (_, level) => box(level === 0 ? 'moov' : 'trak', 8 * (depth - level)));
  const file = Buffer.concat([box('ftyp', 16), Buffer.from('iso6\0\0\0\0', 'latin1'), ...nested]);
  await expect(examineFile([file], options)).rejects.toMatchObject({
    code: 'MEDIA_BROKEN',
    detail: expect.stringContaining('nested deeper'),
  });
});

test('bytes that only look like boxes are a broken file, whatever their sizes say', async () => {
  for (const sizeBytes of [0, 1, 7, 8, 0xff_ff_ff_ff]) {
    for (const type of ['moov', 'moof', 'sidx', 'styp']) {
      const file = Buffer.concat([box(type, sizeBytes), Buffer.alloc(64, 0xff)]);
      await expect(examineFile([file], options)).rejects.toMatchObject({ code: 'MEDIA_BROKEN' });
    }
  }
});
