import type { Browser, BrowserContext, Page, Request } from 'playwright-core';
import { type PageRecord, VIEWPORT } from '../../../deploy/demo/check.ts';
import { type AnswerRecord, meterAnswers } from './answer-meter.ts';

/** For so long neither the playhead nor the buffer may move: a machine may have other things to do. */
const PATIENCE_MS = 60_000;
const LOOK_EVERY_MS = 100;

/** What the page plays with, and which manifest. */
export const PLAYERS = {
  'hls.js': { query: 'player=hls', extension: 'm3u8' },
  'dash.js': { query: 'player=dash', extension: 'mpd' },
  Shaka: { query: 'player=shaka', extension: 'm3u8' },
} as const;
export type Player = keyof typeof PLAYERS;

/** The page's own record, with the segments told apart and what answers cost on this machine beside it. */
export interface Seen extends PageRecord, AnswerRecord {
  readonly segments: ReadonlyArray<PageRecord['segments'][number] & { readonly kind: 'video' | 'audio' }>;
}

export interface ViewerOptions {
  readonly pageUrl: string;
  readonly player: Player;
  /** The session that the page would else make up: it decides the order that steering gives. */
  readonly session: string;
  /** Answers the player's request for the manifest instead of steering. */
  readonly manifest?: { readonly body: string; readonly contentType: string };
}

/** Somebody who watches the demo's page in a browser with nothing in its cache. */
export class Viewer {
  readonly page: Page;
  readonly #context: BrowserContext;
  readonly #errors: string[] = [];
  readonly #steeringRequests: string[] = [];
  readonly #failedHosts = new Set<string>();

  private constructor(context: BrowserContext, page: Page) {
    this.#context = context;
    this.page = page;
    page.on('pageerror', (error) => this.#errors.push(error.message));
    page.on('requestfailed', (request) => this.#failedHosts.add(new URL(request.url()).host));
    page.on('request', (request) => {
      if (asksForSteering(request)) this.#steeringRequests.push(request.url());
    });
  }

  static async open(browser: Browser, { pageUrl, player, session, manifest }: ViewerOptions): Promise<Viewer> {
    const context = await browser.newContext({ viewport: VIEWPORT });
    await context.addInitScript(meterAnswers);
    await context.addInitScript((id) => {
      globalThis.crypto.randomUUID = () => id as ReturnType<typeof crypto.randomUUID>;
    }, session);
    const viewer = new Viewer(context, await context.newPage());
    if (manifest !== undefined) {
      await viewer.page.route('**/v1/manifest/**', (route) =>
        route.fulfill({ ...manifest, headers: { 'access-control-allow-origin': '*' } }),
      );
    }
    await viewer.page.goto(`${pageUrl}/?${PLAYERS[player].query}`);
    return viewer;
  }

  /** Requests of the player for content steering so far; a `data:` URI is none. */
  get steeringRequests(): number {
    return this.#steeringRequests.length;
  }

  /** Resolves when what the player asks steering from now on is answered for the first time. */
  async isSteered(): Promise<void> {
    const request = await this.page.waitForRequest(asksForSteering, { timeout: PATIENCE_MS });
    await request.response();
  }

  /** Errors that the page did not catch. */
  get errors(): readonly string[] {
    return this.#errors;
  }

  /** Whether a request there broke, was refused or was given up: players leave such a place by themselves. */
  hasFailed(url: string): boolean {
    return this.#failedHosts.has(new URL(url).host);
  }

  /** What was seen so far. */
  async seen(): Promise<Seen> {
    const { demo, answers } = await this.page.evaluate(() => {
      const page = globalThis as unknown as { demo: Seen; answers: AnswerRecord };
      return { demo: page.demo, answers: page.answers };
    });
    return { ...demo, ...answers };
  }

  /** Now, on the clock of the segments. */
  now(): Promise<number> {
    return this.page.evaluate(() => performance.now());
  }

  /**
   * Waits until the playhead is there, and so much is buffered ahead of it.
   * @returns what was seen by then. @throws with the page's events when it does not come
   */
  async watchUntil(playheadSec: number, aheadSec = 0): Promise<Seen> {
    let moved = '';
    let endMs = 0;
    for (;;) {
      // The page makes its record when its scripts have run.
      const seen = await this.seen();
      if (seen.currentTime >= playheadSec && seen.aheadSec >= aheadSec) return seen;
      const now = `${seen.currentTime} ${seen.aheadSec}`;
      if (now !== moved) endMs = performance.now() + PATIENCE_MS;
      moved = now;
      if (performance.now() > endMs) {
        const events = await this.page.locator('#log').innerText();
        throw new Error(`rests at ${seen.currentTime} of ${playheadSec} s for ${PATIENCE_MS} ms\n${events}`);
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }

  press(button: string): Promise<void> {
    return this.page.getByRole('button', { name: button, exact: true }).click();
  }

  close(): Promise<void> {
    return this.#context.close();
  }
}

const asksForSteering = (request: Request): boolean => new URL(request.url()).pathname.startsWith('/v1/steering/');

/** Who delivered, each once, in the order of the first delivery. */
export const deliverers = (segments: Seen['segments']): string[] => [
  ...new Set(segments.map((each) => each.appliance)),
];
