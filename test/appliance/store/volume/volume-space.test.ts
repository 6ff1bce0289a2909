import { describe, expect, it } from 'vitest';
import type { EvictionPolicy } from '../../../../appliance/store/eviction/eviction-policy.ts';
import { Lru } from '../../../../appliance/store/eviction/lru.ts';
import { WTinyLfu } from '../../../../appliance/store/eviction/w-tinylfu.ts';
import { Generation } from '../../../../appliance/store/generation.ts';
import { VolumeSpace } from '../../../../appliance/store/volume/volume-space.ts';
import { BLOCK_BYTES } from '../../../../src/contracts/file-manifest.ts';
import { descriptionOf } from '../store-rig.ts';

let lastId = 0;

/** An object of so many blocks, all of them held. */
function held(key: string, blocks: number, lastUsedMs = 0): Generation {
  lastId += 1;
  const generation = new Generation(lastId, 0, descriptionOf(key, blocks * BLOCK_BYTES), lastUsedMs);
  for (let block = 0; block < blocks; block += 1) generation.blocks.add(block, 1);
  return generation;
}

/** Notes what a policy is told of requests. */
class NotingPolicy extends Lru {
  counted = 0;
  missed = 0;

  override use(slot: number, isCounted = false): void {
    super.use(slot);
    if (isCounted) this.counted += 1;
  }

  override miss(): void {
    this.missed += 1;
  }
}

const spaceOf = (blocks: number, policy: EvictionPolicy) => new VolumeSpace(blocks * BLOCK_BYTES, policy);
const keysOf = (generations: readonly Generation[] | undefined) => generations?.map(({ key }) => key);

describe('admission', () => {
  const secondHit = () => new WTinyLfu({ windowShare: 0.05, needsSecondHit: true });

  it('lets everything in while there is room: an empty disk is filled by the first viewers', () => {
    const space = spaceOf(4, secondHit());
    space.add(held('/1', 3));
    expect(space.admits(held('/new', 1), 0)).toBe(true);
  });

  it('asks of a full volume that a block is offered twice, each block for itself', () => {
    const space = spaceOf(4, secondHit());
    space.add(held('/1', 4));
    const fresh = held('/new', 2);
    expect(space.admits(fresh, 0)).toBe(false);
    space.offered(fresh, 0);
    expect(space.admits(fresh, 0)).toBe(true);
    expect(space.admits(fresh, 1)).toBe(false);
  });

  it('lets in what the plan wants, however full it is', () => {
    const space = spaceOf(4, secondHit());
    space.add(held('/1', 4));
    const planned = held('/planned', 1);
    planned.pinned = true;
    expect(space.admits(planned, 0)).toBe(true);
  });
});

describe('asking', () => {
  it('counts by bytes: a film in ranges counts once, as does a film in one piece', () => {
    const policy = new NotingPolicy();
    const space = spaceOf(100, policy);
    const film = held('/film', 20);
    space.add(film);
    space.served(film, BLOCK_BYTES);
    expect(policy.counted).toBe(1);
    for (let block = 0; block < 19; block += 1) space.served(film, BLOCK_BYTES);
    expect(policy.counted).toBe(1);
    space.served(film, BLOCK_BYTES);
    expect(policy.counted).toBe(2);
  });

  it('counts once while a film comes in that is watched as it comes, and again when somebody else watches it', () => {
    const policy = new NotingPolicy();
    const space = spaceOf(100, policy);
    const film = held('/film', 20);
    for (let block = 0; block < 20; block += 1) film.blocks.delete(block);
    space.add(film);
    const watch = (block: number) => {
      if (!film.blocks.has(block)) {
        film.blocks.add(block, 1);
        space.resize(film, BLOCK_BYTES);
      }
      space.served(film, BLOCK_BYTES);
    };
    for (let block = 0; block < 20; block += 1) watch(block);
    expect(policy.counted + policy.missed).toBe(1);
    for (let block = 0; block < 20; block += 1) watch(block);
    expect(policy.counted + policy.missed).toBe(2);
  });

  it('of what is not held is a miss, once per its bytes', () => {
    const policy = new NotingPolicy();
    const space = spaceOf(100, policy);
    const empty = new Generation(0, 0, descriptionOf('/empty', 100), 0);
    space.add(empty);
    space.served(empty, 60);
    space.served(empty, 30);
    expect(policy.missed).toBe(1);
    space.served(empty, 70);
    expect(policy.missed).toBe(2);
  });
});

describe('the order of leaving', () => {
  it('is that of the last use when a volume is loaded', () => {
    const space = spaceOf(3, new Lru());
    for (const key of ['/old', '/mid', '/new']) space.add(held(key, 1));
    space.reserve(2 * BLOCK_BYTES);
    expect(keysOf(space.victimsForReserved())).toEqual(['/old', '/mid']);
  });

  it('begins with what lost its pin and was used before everything else, and spares what was used since', () => {
    const space = spaceOf(5, new Lru());
    const [idle, busy] = [held('/idle', 1, 10), held('/busy', 1, 100)];
    space.add(held('/a', 1, 50));
    space.add(idle);
    space.add(busy);
    space.pin([idle, busy], true);
    space.add(held('/b', 1, 60));
    space.pin([idle, busy], false);
    space.reserve(4 * BLOCK_BYTES);
    expect(keysOf(space.victimsForReserved())).toEqual(['/idle', '/a', '/b']);
  });

  it('passes over who is held, takes pinned ones last, and forgets empty objects first', () => {
    const space = spaceOf(4, new Lru());
    const [taken, free, pinned] = [held('/taken', 1), held('/free', 1), held('/pinned', 2)];
    const empty = new Generation(0, 0, descriptionOf('/empty', 100), 0);
    for (const generation of [taken, free, pinned, empty]) space.add(generation);
    space.pin([pinned], true);
    taken.holders = 1;
    space.reserve(BLOCK_BYTES);
    expect(keysOf(space.victimsForReserved())).toEqual(['/free']);
    space.reserve(BLOCK_BYTES);
    expect(keysOf(space.victimsForReserved())).toEqual(['/free', '/pinned']);
    space.reserve(2 * BLOCK_BYTES);
    expect(space.victimsForReserved()).toBeUndefined();
    expect(space.oldestIdle()?.key).toBe('/empty');
    expect(space.objectCount).toBe(4);
  });
});
