import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { compileFunction } from 'node:vm';

/**
 * The released Shaka Player in Node: its parsers of HLS and DASH with the content steering in them, and its networking.
 * What a browser would give it are stubs, handed to its code as arguments, so that nothing of this process is changed.
 * Its timers run `timesFaster`.
 */
export interface ShakaReference {
  getUris(): string[];
}
interface ShakaStream {
  createSegmentIndex(): Promise<void>;
  readonly segmentIndex: Iterable<ShakaReference | null> | null;
}
export interface ShakaManifest {
  readonly variants: ReadonlyArray<{ readonly video: ShakaStream | null; readonly audio: ShakaStream | null }>;
}
export interface ShakaParser {
  configure(config: object): void;
  start(uri: string, player: object): Promise<ShakaManifest>;
  stop(): Promise<void>;
}
export interface Shaka {
  readonly hls: { readonly HlsParser: new () => ShakaParser };
  readonly dash: { readonly DashParser: new () => ShakaParser };
  readonly net: { readonly NetworkingEngine: new () => { configure(config: object): void } };
  readonly Player: new () => {
    getConfiguration(): { readonly manifest: { readonly retryParameters: object }; readonly networking: object };
    destroy(): Promise<void>;
  };
}

const nothing = (): undefined => undefined;

export function loadShaka(timesFaster: number): Shaka {
  const file = createRequire(import.meta.url).resolve('shaka-player/dist/shaka-player.compiled.js');
  const element = () => ({ canPlayType: () => '', addEventListener: nothing, setAttribute: nothing, style: {} });
  const given = {
    document: { createElement: element, addEventListener: nothing, removeEventListener: nothing },
    location: { href: 'http://127.0.0.1/', protocol: 'http:', hostname: '127.0.0.1' },
    navigator: { userAgent: 'node', platform: '', vendor: '', language: 'en', languages: ['en'] },
    setTimeout: (task: () => void, delayMs = 0) => setTimeout(task, delayMs / timesFaster),
  };
  const window = Object.create(
    globalThis,
    Object.fromEntries(
      Object.entries({ ...given, addEventListener: nothing, removeEventListener: nothing }).map(([name, value]) => [
        name,
        { value },
      ]),
    ),
  ) as object;
  const exports = {};
  const names = ['exports', 'window', 'self', ...Object.keys(given)];
  const run = compileFunction(readFileSync(file, 'utf8'), names, { filename: file }) as (...given: unknown[]) => void;
  run(exports, window, window, ...Object.values(given));
  const shaka = exports as Shaka & { readonly polyfill: { readonly Map: { install(): void } } };
  // Methods that every JavaScript will have soon.
  shaka.polyfill.Map.install();
  return shaka;
}
