import { join } from 'node:path';

/** hot: everything fits in memory. mix: half of what is asked for does not. */
export type Purpose = 'hot' | 'mix' | 'idle' | 'tls';

/** What one server is started for. */
export interface PeerSetup {
  /** Its own, empty at first. */
  readonly folder: string;
  /** Of the media files, for servers that serve files. */
  readonly root: string;
  /** Of the same files by HTTP, for caches. */
  readonly originUrl: string;
  readonly cores: readonly number[];
  readonly tls: { readonly certFile: string; readonly keyFile: string } | undefined;
  /** For content; a server that serves files has the page cache besides. */
  readonly memoryBytes: number;
  /** For content, where it has a place on disk. */
  readonly diskBytes: number;
  readonly purpose: Purpose;
}

export const logOf = (setup: PeerSetup): string => join(setup.folder, 'output');
