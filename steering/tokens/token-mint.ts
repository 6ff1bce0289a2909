import type { CatalogueTitle } from '../../src/contracts/catalogue-snapshot.ts';
import type { TokenKey } from '../../src/contracts/token-keys.ts';
import type { UrlGrant } from '../../src/contracts/url-grant.ts';
import { BoundedMap } from '../../src/memory/bounded-map.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import { GRANT_TYPE } from '../../src/tokens/judge-claims.ts';
import { formatScope } from '../../src/tokens/url-scope.ts';
import type { Clock } from '../../src/world/world.ts';
import type { TokenKeyRing } from './key-ring.ts';
import { folderOf, type UrlSignature } from './url-signature.ts';

/**
 * Tokens for answers, and grants for appliances.
 *
 * A token lasts as long as somebody may take to watch the title: its duration times a factor, within bounds. Whether
 * each session gets its own is the operator's choice. `title`: all who begin a title within some minutes share one, which
 * costs a signature per title and not per answer, and appliances verify a few instead of millions. `session`: each has
 * its own, with the session in it, so that a link that turns up elsewhere says whose it was; every answer then pays for
 * a signature, and every appliance for its check.
 */
export interface TokenPolicy {
  readonly per: 'title' | 'session';
  readonly durationFactor: number;
  readonly minTokenSec: number;
  readonly maxTokenSec: number;
}

const TYPE = 'JWT';
/** Ends are rounded up to so large a part of a token's life, so that those who begin together share one. */
const SHARED_PART = 16;
const MAX_GRANT_SEC = 6 * 3600;
const MAX_SHARED = 20_000;
const MAX_GRANTS = 10_000;

interface Shared extends UrlSignature {
  readonly keyId: string;
}

export class TokenMint {
  readonly #ring: TokenKeyRing;
  readonly #policy: TokenPolicy;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #shared = new BoundedMap<string, Shared>(MAX_SHARED);
  readonly #grants = new BoundedMap<string, UrlGrant & { readonly keyId: string }>(MAX_GRANTS);
  readonly #folders = new WeakMap<CatalogueTitle, { readonly folder: string | undefined }>();

  constructor(ring: TokenKeyRing, policy: TokenPolicy, context: { readonly clock: Clock; readonly logger: Logger }) {
    this.#ring = ring;
    this.#policy = policy;
    this.#clock = context.clock;
    this.#logger = context.logger;
  }

  /** The token that goes into the URLs of a title; undefined when its paths have no place for one. */
  sign(title: CatalogueTitle, sessionId: string): UrlSignature | undefined {
    const folder = this.#folderOf(title);
    if (folder === undefined) return undefined;
    const { per, durationFactor, minTokenSec, maxTokenSec } = this.#policy;
    const wishedSec = Math.ceil((title.durationMs / 1000) * durationFactor);
    const lifeSec = Math.min(maxTokenSec, Math.max(minTokenSec, wishedSec));
    const nowSec = Math.floor(this.#clock.nowMs() / 1000);
    if (per === 'session') {
      return this.mint(folder, nowSec + lifeSec, { sid: sessionId });
    }
    const stepSec = Math.max(1, Math.floor(lifeSec / SHARED_PART));
    // Rounded up, and never beyond the longest life, for which the keys are kept.
    const roundedSec = Math.ceil((nowSec + lifeSec) / stepSec) * stepSec;
    const expiresAtSec = roundedSec > nowSec + maxTokenSec ? roundedSec - stepSec : roundedSec;
    const known = this.#shared.use(title.id);
    if (known?.expiresAtSec === expiresAtSec && known.folder === folder && known.keyId === this.#ring.currentId()) {
      return known;
    }
    const signature = { ...this.mint(folder, expiresAtSec), keyId: this.#ring.currentId() };
    this.#shared.set(title.id, signature);
    return signature;
  }

  /** A token for a folder, as the operator wants it. @throws RangeError when no token may open it */
  mint(folder: string, expiresAtSec: number, claims: Readonly<Record<string, string>> = {}): UrlSignature {
    const cdniuc = formatScope({ kind: 'folder', path: `${folder}/` });
    return { folder, expiresAtSec, token: this.#ring.sign(TYPE, { exp: expiresAtSec, cdniuc, ...claims }) };
  }

  /** The longest that a token may last, in seconds. */
  get maxTokenSec(): number {
    return this.#policy.maxTokenSec;
  }

  /** By what an appliance fills from others; the same until half its time is over. */
  grantFor(applianceId: string): UrlGrant {
    const nowMs = this.#clock.nowMs();
    const lifeMs = Math.min(MAX_GRANT_SEC, this.#policy.maxTokenSec) * 1000;
    const keyId = this.#ring.currentId();
    const known = this.#grants.use(applianceId);
    if (known?.keyId === keyId && known.notAfterMs - nowMs > lifeMs / 2) {
      return { token: known.token, notAfterMs: known.notAfterMs };
    }
    const exp = Math.floor((nowMs + lifeMs) / 1000);
    const grant = { token: this.#ring.sign(GRANT_TYPE, { exp, grantee: applianceId }), notAfterMs: exp * 1000 };
    this.#grants.set(applianceId, { ...grant, keyId });
    return grant;
  }

  publicKeys(): TokenKey[] {
    return this.#ring.publicKeys();
  }

  #folderOf(title: CatalogueTitle): string | undefined {
    const known = this.#folders.get(title);
    if (known !== undefined) return known.folder;
    const folder = folderOf(title);
    this.#folders.set(title, { folder });
    if (folder === undefined) {
      this.#logger.warn(
        { title: title.id },
        'the files of a title have no folder of their own: its URLs are not signed',
      );
    }
    return folder;
  }
}
