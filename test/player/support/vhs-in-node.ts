import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { compileFunction } from 'node:vm';

/**
 * The content steering of video.js (VHS), as released, in Node. The bundle keeps its controller to itself, so it is run
 * as text with one line behind it; its packages are the real ones but for `video.js` itself, of which it needs a base
 * class, and `global/window`, whose timers run `timesFaster`.
 */
export interface VhsSteering {
  addAvailablePathway(id: string): void;
  assignTagProperties(baseUrl: string, tag: object): void;
  requestSteeringManifest(initial?: boolean): void;
  getPathway(): string;
  getAvailablePathways(): ReadonlySet<string>;
  readonly steeringManifest: { readonly pathwayClones: ReadonlyMap<string, object> };
  on(type: string, listener: () => void): void;
  dispose(): void;
}

interface VhsError {
  readonly status: number;
  readonly responseHeaders: Readonly<Record<string, string>>;
}
type Xhr = (
  options: { readonly uri: string },
  done: (error: Error | null, info: VhsError) => void,
) => { responseText: string; abort(): void };

export type VhsSteeringClass = new (xhr: Xhr, bandwidth: () => number) => VhsSteering;

export interface Vhs {
  readonly Steering: VhsSteeringClass;
  /** How it makes the URL of a clone. @throws where a clone has no PARAMS */
  readonly cloneUri: (baseUri: string, clone: object) => string;
}

export function loadVhsSteering(timesFaster: number): Vhs {
  const require = createRequire(import.meta.url);
  const fromVideoJs = createRequire(require.resolve('video.js'));
  const file = fromVideoJs.resolve('@videojs/http-streaming/dist/videojs-http-streaming.cjs.js');
  const fromBundle = createRequire(file);
  const window = Object.create(globalThis, {
    setTimeout: { value: (task: () => void, delayMs = 0) => setTimeout(task, delayMs / timesFaster) },
    location: { value: new URL('http://127.0.0.1/') },
  }) as object;
  const nothing = (): undefined => undefined;
  const videojs = Object.assign(nothing, {
    EventTarget: Emitter,
    log: Object.assign(nothing, { debug: nothing, warn: nothing, error: nothing }),
    Error: {},
    getPlugin: () => true,
    getTech: () => ({ isSupported: () => false, registerSourceHandler: nothing }),
    registerComponent: nothing,
    registerPlugin: nothing,
    getComponent: () => class {},
    mergeOptions: Object.assign,
    obj: { merge: Object.assign },
    browser: {},
    options: {},
  });
  const given: Readonly<Record<string, unknown>> = { 'video.js': videojs, 'global/window': window };
  const run = compileFunction(
    `${readFileSync(file, 'utf8')}\nreturn { Steering: ContentSteeringController, PlaylistLoader };`,
    ['exports', 'require'],
    { filename: file },
  ) as (
    exports: object,
    require: (name: string) => unknown,
  ) => {
    Steering: VhsSteeringClass;
    PlaylistLoader: { prototype: { createCloneURI_(baseUri: string, clone: object): string } };
  };
  const { Steering, PlaylistLoader } = run({}, (name) => given[name] ?? fromBundle(name));
  return { Steering, cloneUri: (baseUri, clone) => PlaylistLoader.prototype.createCloneURI_(baseUri, clone) };
}

/** What VHS needs of video.js's events. */
class Emitter {
  readonly #listeners = new Map<string, Array<() => void>>();

  on(type: string, listener: () => void): void {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
  }
  off(type: string): void {
    this.#listeners.delete(type);
  }
  trigger(event: string | { readonly type: string }): void {
    for (const listener of this.#listeners.get(typeof event === 'string' ? event : event.type) ?? []) listener();
  }
}

/** VHS's own way to ask, with what a page of another origin may see of an answer. */
export const fetchAsVhs: Xhr = ({ uri }, done) => {
  const request = { responseText: '', abort: () => undefined };
  void (async () => {
    try {
      const response = await fetch(uri);
      request.responseText = await response.text();
      const exposed = (response.headers.get('access-control-expose-headers') ?? '').toLowerCase().split(/,\s*/);
      const responseHeaders = Object.fromEntries([...response.headers].filter(([name]) => exposed.includes(name)));
      done(response.ok ? null : new Error(response.statusText), { status: response.status, responseHeaders });
    } catch (error) {
      done(new Error(String(error)), { status: 0, responseHeaders: {} });
    }
  })();
  return request;
};
