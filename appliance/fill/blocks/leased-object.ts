import type { LoadOutcome } from '../../memory/arena.ts';
import type { PublishedDescription } from '../../memory/published.ts';
import type { ObjectDescription } from '../../store/object-description.ts';
import type { StoredObject, Urgency, WriteOutcome } from '../../store/object-store.ts';
import type { ObjectLease } from './open-object.ts';

/** A lease in the clothes of a stored object, for who fills by the plan. */
export class LeasedObject implements StoredObject {
  readonly lease: ObjectLease;

  constructor(lease: ObjectLease) {
    this.lease = lease;
  }

  get description(): ObjectDescription {
    return this.#stored.description;
  }

  get blockCount(): number {
    return this.#stored.blockCount;
  }

  get heldBlocks(): number {
    return this.#stored.heldBlocks;
  }

  get heldBytes(): number {
    return this.#stored.heldBytes;
  }

  get isLeft(): boolean {
    return this.#stored.isLeft;
  }

  holds(blockIndex: number): boolean {
    return this.#stored.holds(blockIndex);
  }

  read(blockIndex: number, urgency?: Urgency): Promise<Uint8Array | undefined> {
    return this.#stored.read(blockIndex, urgency);
  }

  admits(blockIndex: number): boolean {
    return this.#stored.admits(blockIndex);
  }

  write(blockIndex: number, bytes: Uint8Array, urgency?: Urgency): Promise<WriteOutcome> {
    return this.#stored.write(blockIndex, bytes, urgency);
  }

  describe(description: ObjectDescription): void {
    this.#stored.describe(description);
  }

  bringIn(blockIndex: number, urgency?: Urgency): Promise<LoadOutcome> {
    return this.#stored.bringIn(blockIndex, urgency);
  }

  putIn(blockIndex: number, bytes: Uint8Array): Promise<LoadOutcome> {
    return this.#stored.putIn(blockIndex, bytes);
  }

  get isShown(): boolean {
    return this.#stored.isShown;
  }

  show(description: PublishedDescription): boolean {
    return this.#stored.show(description);
  }

  [Symbol.dispose](): void {
    this.lease[Symbol.dispose]();
  }

  get #stored(): StoredObject {
    return this.lease.object.stored;
  }
}
