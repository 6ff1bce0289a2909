import { type RequestField, type SelectedBy, selectedBy } from '../../../src/http/vary.ts';
import type { Random } from '../../../src/world/world.ts';
import type { Variant } from '../../store/object-description.ts';
import type { ObjectLease, OpenObject } from '../blocks/open-object.ts';
import type { FillCoordinator } from '../fill-coordinator.ts';
import { describeVariants, findVariant, withVariant } from './variant-list.ts';

/** What is held for a request. The lease is the asker's. */
export interface Held {
  readonly lease: ObjectLease | undefined;
  /** All objects of the key, where there are several; the newest first. */
  readonly variants: readonly Variant[];
}

/** Where the object of an answer goes: under the key, or under a name of its own beside others. */
export interface Place {
  readonly key: string;
  readonly selectedBy?: SelectedBy;
}

const NAME_BYTES = 9;

/** The objects under a key, chosen by request fields: found, begun and forgotten through the fill coordinator. */
export class VariantIndex {
  readonly #fills: FillCoordinator;
  readonly #random: Random;
  readonly #maxVariants: number;
  readonly #nowMs: () => number;

  constructor(
    fills: FillCoordinator,
    options: { readonly random: Random; readonly maxVariants: number; readonly nowMs: () => number },
  ) {
    this.#fills = fills;
    this.#random = options.random;
    this.#maxVariants = options.maxVariants;
    this.#nowMs = options.nowMs;
  }

  find(key: string, field: RequestField): Held {
    const lease = this.#fills.find(key);
    const variants = lease?.description.variants;
    if (lease === undefined || variants === undefined) return { lease, variants: [] };
    lease[Symbol.dispose]();
    const variant = findVariant(variants, field);
    return { lease: variant === undefined ? undefined : this.#fills.find(variant.storeKey), variants };
  }

  /** The objects that a 304 may turn out to speak of: the one held for the request first, then the others with a tag. */
  candidates(held: OpenObject | undefined, variants: readonly Variant[]): ObjectLease[] {
    const others = new Set(variants.map(({ storeKey }) => storeKey));
    if (held !== undefined) others.delete(held.key);
    const leases: ObjectLease[] = [];
    for (const storeKey of others) {
      const lease = this.#fills.find(storeKey);
      if (lease === undefined) continue;
      if (lease.description.headers['etag'] === undefined) lease[Symbol.dispose]();
      else leases.push(lease);
    }
    return leases;
  }

  /** Where the answer to a request belongs that varies so; undefined when it was chosen by what may not be kept. */
  place(key: string, varyOn: readonly string[], field: RequestField): Place | undefined {
    if (varyOn.length === 0) return { key };
    const by = selectedBy(varyOn, field);
    if (by === undefined) return undefined;
    const known = this.#variantsOf(key).find((variant) => isSameChoice(variant.selectedBy, by));
    return { key: known?.storeKey ?? `${key} ${this.#random.bytes(NAME_BYTES).toString('base64url')}`, selectedBy: by };
  }

  /** Begins the object of an answer by `begin`, and makes it the one that its requests find. */
  begin(key: string, place: Place, begin: () => ObjectLease): ObjectLease {
    const before = this.#variantsOf(key);
    const lease = begin();
    if (place.selectedBy !== undefined) this.enrol(key, { selectedBy: place.selectedBy, storeKey: place.key }, before);
    // It stands in the place of the list now, and is for everybody.
    else for (const { storeKey } of before) this.#fills.drop(storeKey);
    return lease;
  }

  /** Requests like this find that object from now on. */
  enrol(key: string, added: Variant, before: readonly Variant[] = this.#variantsOf(key)): void {
    const { variants, dropped } = withVariant(before, added, this.#maxVariants);
    using list = this.#fills.find(key);
    if (list?.description.variants === undefined) {
      const description = describeVariants(key, variants, this.#nowMs());
      const wanted = { firstBlock: 0, lastBlock: 0 };
      this.#fills.begin({ description, fillsByRange: false, body: undefined, wanted })[Symbol.dispose]();
    } else {
      list.object.stored.describe({ ...list.description, variants });
    }
    for (const storeKey of dropped) this.#fills.drop(storeKey);
  }

  #variantsOf(key: string): readonly Variant[] {
    using lease = this.#fills.find(key);
    return lease?.description.variants ?? [];
  }
}

function isSameChoice(left: SelectedBy, right: SelectedBy): boolean {
  const names = Object.keys(right);
  return (
    Object.keys(left).length === names.length &&
    names.every((name) => left[name] !== undefined) &&
    findVariant([{ selectedBy: left, storeKey: '' }], (name) => right[name] ?? undefined) !== undefined
  );
}
