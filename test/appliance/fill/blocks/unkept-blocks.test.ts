import { describe, expect, it } from 'vitest';
import { UnkeptBlocks } from '../../../../appliance/fill/blocks/unkept-blocks.ts';

describe('blocks that no volume took', () => {
  it('stay within their bytes, the oldest going first', () => {
    const blocks = new UnkeptBlocks<string>(25);
    blocks.add('a', 0, Buffer.alloc(10));
    blocks.add('a', 1, Buffer.alloc(10));
    blocks.add('b', 0, Buffer.alloc(10));
    expect(blocks.find('a', 0)).toBeUndefined();
    expect(blocks.find('a', 1)).toHaveLength(10);
    expect(blocks.find('b', 0)).toHaveLength(10);
  });

  it('count once when they come again, and are gone with their object', () => {
    const blocks = new UnkeptBlocks<string>(20);
    for (let round = 0; round < 5; round += 1) blocks.add('a', 0, Buffer.alloc(10));
    blocks.add('b', 0, Buffer.alloc(10));
    expect(blocks.find('a', 0)).toBeDefined();
    blocks.forget('a');
    blocks.add('b', 1, Buffer.alloc(10));
    expect(blocks.find('a', 0)).toBeUndefined();
    expect(blocks.find('b', 0)).toBeDefined();
  });

  it('that are larger than all there is are not taken', () => {
    const blocks = new UnkeptBlocks<string>(5);
    blocks.add('a', 0, Buffer.alloc(10));
    expect(blocks.find('a', 0)).toBeUndefined();
  });
});
