import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { MultipartFraming } from '../../../src/http/multipart-byteranges.ts';
import { frameByteranges } from '../../../src/http/multipart-byteranges.ts';

const thousandBytes = Buffer.from('0123456789'.repeat(100), 'latin1');

function assemble(framing: MultipartFraming, object: Buffer): Buffer {
  const pieces = framing.parts.flatMap(({ head, range }) => [
    Buffer.from(head, 'latin1'),
    object.subarray(range.first, range.last + 1),
  ]);
  return Buffer.concat([...pieces, Buffer.from(framing.tail, 'latin1')]);
}

test('RNG-9: two ranges of a thousand bytes are framed in exactly 170 bytes', () => {
  const framing = frameByteranges(
    [
      { first: 0, last: 9 },
      { first: 990, last: 999 },
    ],
    { sizeBytes: 1000, partContentType: 'video/mp4', boundary: 'B7f1' },
  );
  expect(framing.contentType).toBe('multipart/byteranges; boundary=B7f1');
  expect(framing.contentLength).toBe(170);
  expect(assemble(framing, thousandBytes).toString('latin1')).toBe(
    '--B7f1\r\nContent-Type: video/mp4\r\nContent-Range: bytes 0-9/1000\r\n\r\n0123456789\r\n' +
      '--B7f1\r\nContent-Type: video/mp4\r\nContent-Range: bytes 990-999/1000\r\n\r\n0123456789\r\n--B7f1--\r\n',
  );
});

test('an object without a content type has parts without one', () => {
  const framing = frameByteranges([{ first: 0, last: 0 }], { sizeBytes: 1, partContentType: undefined, boundary: 'b' });
  expect(framing.parts[0]?.head).toBe('--b\r\nContent-Range: bytes 0-0/1\r\n\r\n');
});

test('a boundary that needs quotes, or a content type with a line break, is a bug of the caller', () => {
  const ranges = [{ first: 0, last: 0 }];
  for (const boundary of ['', 'a b', 'a"', 'a\r\nb', 'x'.repeat(71), 'a=b']) {
    expect(() => frameByteranges(ranges, { sizeBytes: 1, partContentType: undefined, boundary })).toThrow(TypeError);
  }
  const partContentType = 'video/mp4\r\nX: y';
  expect(() => frameByteranges(ranges, { sizeBytes: 1, partContentType, boundary: 'b' })).toThrow(TypeError);
});

test('the announced length is the assembled length, for any ranges, type and boundary', () => {
  const boundary = fc.string({ unit: fc.constantFrom(...'abcXYZ019-_.'.split('')), minLength: 1, maxLength: 70 });
  const range = fc
    .tuple(fc.nat(999), fc.nat(999))
    .map(([one, other]) => ({ first: Math.min(one, other), last: Math.max(one, other) }));
  const type = fc.option(fc.constantFrom('video/mp4', 'application/octet-stream', 'text/plain; charset=é'), {
    nil: undefined,
  });
  fc.assert(
    fc.property(fc.array(range, { minLength: 1, maxLength: 16 }), type, boundary, (ranges, partContentType, name) => {
      const framing = frameByteranges(ranges, { sizeBytes: 1000, partContentType, boundary: name });
      expect(assemble(framing, thousandBytes).length).toBe(framing.contentLength);
      expect(framing.parts.map(({ range: sent }) => sent)).toEqual(ranges);
    }),
  );
});
