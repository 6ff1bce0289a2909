import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeFrame, readFrames } from '../../../steering/decision-log/log-frames.ts';

const documents = [{ a: 1 }, { text: 'x'.repeat(1000) }, [1, 2, 3]];
const whole = Buffer.concat(await Promise.all(documents.map((document) => encodeFrame(JSON.stringify(document)))));
const lengths = await Promise.all(
  documents.map(async (document) => (await encodeFrame(JSON.stringify(document))).length),
);
const ends = lengths.map((_, index) => lengths.slice(0, index + 1).reduce((sum, length) => sum + length, 0));

test('frames are read back in order', () => {
  expect([...readFrames(whole)]).toEqual(documents.map((document) => ({ document })));
});

test('a log cut at any byte gives the whole frames before it, and where the torn one begins', () => {
  for (let cut = 0; cut <= whole.length; cut += 1) {
    const count = ends.filter((end) => end <= cut).length;
    const start = count === 0 ? 0 : ends[count - 1];
    const read = [...readFrames(whole.subarray(0, cut))];
    expect(read.slice(0, count)).toEqual(documents.slice(0, count).map((document) => ({ document })));
    if (cut === start) expect(read).toHaveLength(count);
    else expect(read.slice(count)).toMatchObject([{ torn: { offset: start } }]);
  }
});

test('a flipped bit is found, and nothing after it is believed', () => {
  fc.assert(
    fc.property(fc.nat(whole.length * 8 - 1), (bit) => {
      const rotten = Buffer.from(whole);
      const at = Math.floor(bit / 8);
      rotten[at] = (rotten[at] ?? 0) ^ (1 << (bit % 8));
      const frame = ends.findIndex((end) => at < end);
      const read = [...readFrames(rotten)];
      expect(read).toHaveLength(frame + 1);
      expect(read.at(-1)).toHaveProperty('torn');
    }),
  );
});
