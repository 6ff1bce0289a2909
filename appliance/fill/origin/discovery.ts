import type { HttpResponse } from '../../../src/client/http-client.ts';
import type { HeaderFields } from '../../../src/http/stored-headers.ts';
import type { SelectedBy } from '../../../src/http/vary.ts';
import type { ObjectDescription } from '../../store/object-description.ts';
import type { ObjectLease } from '../blocks/open-object.ts';
import type { GrowingBody } from './growing-body.ts';
import type { Lifetimes } from './read-answer.ts';

/** What a question to the origin found. `selectedBy`: the requests that it is for; an empty one is for all. */
export type Discovery =
  /** Stored, or being stored, now. The lease is the asker's. */
  | {
      readonly kind: 'object';
      readonly lease: ObjectLease;
      readonly originStatus: number;
      readonly selectedBy: SelectedBy;
    }
  /** An answer without content of ours: a redirect, an error. Good for everybody who asked meanwhile. */
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers: HeaderFields;
      readonly body: Uint8Array;
      readonly selectedBy: SelectedBy;
      /** Set when it is good for those who ask later, too. */
      readonly kept?: Lifetimes | undefined;
    }
  /** A body whose length is not known yet; to be read from its start. */
  | {
      readonly kind: 'growing';
      readonly growth: Growth;
      readonly originStatus: number;
      readonly selectedBy: SelectedBy;
    }
  /** Not to be shared. `response` is for the one who gets it; the others ask for themselves. */
  | { readonly kind: 'private'; readonly response: HttpResponse | undefined };

/** An object to be, of which the head is known. */
export interface Growth {
  readonly body: GrowingBody;
  /** As it will be, but for the size, and for an entity tag that is made of it. */
  readonly description: ObjectDescription;
  readonly selectedBy: SelectedBy;
}
