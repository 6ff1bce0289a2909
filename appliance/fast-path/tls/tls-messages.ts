import type { ToWire, WireThreadData } from '../messages.ts';

/** What a TLS thread is given when it begins: what a wire thread is given, and what it shakes hands with. */
export interface TlsThreadData extends WireThreadData {
  readonly secrets: TlsSecrets;
}

/** PEM texts, and the 48 bytes that seal session tickets: all threads have the same, so a session is resumed by any. */
export interface TlsSecrets {
  readonly cert: string;
  readonly key: string;
  readonly ticketKeys: Uint8Array;
}

export type ToTlsThread =
  | ToWire
  /** For connections that begin from now on. */
  | { readonly kind: 'secrets'; readonly secrets: TlsSecrets }
  /** The reference engine broke an answer off: the end of this tunnel is not the proper end of a connection. */
  | { readonly kind: 'tunnel-cut'; readonly tunnel: number };
