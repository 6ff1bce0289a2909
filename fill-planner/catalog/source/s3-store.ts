import type { HttpClient, HttpResponse } from '../../../src/client/http-client.ts';
import { OperationalError } from '../../../src/errors/operational-error.ts';
import type { World } from '../../../src/world/world.ts';
import { childElement, childElements, parseXml, type XmlElement, XmlError } from '../../../src/xml/xml-document.ts';
import { httpSource, type SignRequest } from './http-source.ts';
import { steadily } from './passing-failures.ts';
import type { S3Credentials } from './s3-credentials.ts';
import { s3Signer } from './s3-signer.ts';
import { steadySource } from './steady-source.ts';
import type { TitleSource } from './title-source.ts';

/**
 * An S3-compatible store: reads objects and lists folders, every request signed, buckets named in the path, which every
 * store understands and not only Amazon's. "Folder" is what keys share up to a slash.
 */
export interface S3StoreOptions {
  /** Base URL without trailing slash. */
  readonly endpointUrl: string;
  readonly region: string;
  readonly credentials: S3Credentials;
  readonly http: HttpClient;
  readonly world: World;
  /** Stores give 1000 at most. */
  readonly keysPerPage: number;
}

/** One step of a walk through a bucket. */
export interface S3Folder {
  /** Names of objects directly in the folder. */
  readonly names: ReadonlySet<string>;
  /** Names of folders directly in it. */
  readonly folders: readonly string[];
}

const TIMEOUT_MS = 30_000;
// A page lists 1000 keys of at most 1024 bytes, each with some 300 bytes about it; escapes may double the keys.
const MAX_PAGE_BYTES = 8_000_000;
const MAX_PAGES = 10_000;
const MAX_REFUSAL_BYTES = 10_000;

export class S3Store {
  readonly #options: S3StoreOptions;
  readonly #sign: SignRequest;

  constructor(options: S3StoreOptions) {
    this.#options = options;
    this.#sign = s3Signer(options.credentials, options.region, options.world.clock);
  }

  /** @param prefix key of the title's folder, raw, with a trailing slash or empty */
  source(bucket: string, prefix: string): TitleSource {
    const { http, world } = this.#options;
    const folderUrl = `${this.#bucketUrl(bucket)}/${encodeKey(prefix)}`;
    const plain = httpSource(folderUrl, http, { sign: this.#sign, explain: explainRefusal });
    const steady = steadySource(plain, world);
    // A plus in a path is a plus to a web server and a space to whoever signs; escaped it is a plus to both.
    const escaped = (titlePath: string): string => titlePath.replaceAll('+', '%2B');
    return {
      ...steady,
      description: `s3://${bucket}/${prefix}`,
      open: (titlePath, signal, from) => steady.open(escaped(titlePath), signal, from),
      identify: (titlePath, signal) => steady.identify(escaped(titlePath), signal),
    };
  }

  /** What lies directly in a folder. @param prefix raw, with a trailing slash or empty */
  async list(bucket: string, prefix: string, signal: AbortSignal): Promise<S3Folder> {
    const names = new Set<string>();
    const folders: string[] = [];
    let token: string | undefined;
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const root = await this.#page(bucket, prefix, token, signal);
      for (const element of childElements(root, 'Contents')) names.add(textOf(element, 'Key').slice(prefix.length));
      for (const element of childElements(root, 'CommonPrefixes'))
        folders.push(textOf(element, 'Prefix').slice(prefix.length).replace(/\/$/, ''));
      token = textOf(root, 'NextContinuationToken');
      if (token === '') return { names, folders };
    }
    throw new OperationalError('SOURCE_PROTOCOL', `s3://${bucket}/${prefix}: more than ${MAX_PAGES} pages of keys`);
  }

  async #page(bucket: string, prefix: string, token: string | undefined, signal: AbortSignal): Promise<XmlElement> {
    const { http, world, keysPerPage } = this.#options;
    const query = new URLSearchParams({ 'list-type': '2', delimiter: '/', prefix, 'max-keys': String(keysPerPage) });
    if (token !== undefined) query.set('continuation-token', token);
    // A query that a form would write has spaces as plus signs, and is signed as if they were escaped.
    const url = `${this.#bucketUrl(bucket)}/?${query.toString().replaceAll('+', '%20')}`;
    const what = `list of s3://${bucket}/${prefix}`;
    const text = await steadily(
      async () => {
        const headers = await this.#sign('GET', url);
        const timeouts = { headersTimeoutMs: TIMEOUT_MS, bodyTimeoutMs: TIMEOUT_MS };
        const response = await http.request({ url, headers, ...timeouts, signal });
        const { status } = response;
        if (status !== 200) {
          const why = await explainRefusal(response);
          throw new OperationalError('SOURCE_STATUS', `${what}: ${status}${why}`, { answeredStatus: status });
        }
        const body = await readUpTo(response, MAX_PAGE_BYTES);
        if (body === undefined)
          throw new OperationalError('SOURCE_PROTOCOL', `${what}: is over ${MAX_PAGE_BYTES} bytes`);
        return body;
      },
      world,
      signal,
    );
    return parsePage(text, what);
  }

  #bucketUrl(bucket: string): string {
    return `${this.#options.endpointUrl}/${encodeURIComponent(bucket)}`;
  }
}

/** A raw key as it stands in a URL. */
export const encodeKey = (key: string): string => key.split('/').map(encodeURIComponent).join('/');

function parsePage(text: string, what: string): XmlElement {
  try {
    const root = parseXml(text).documentElement;
    if (root?.localName === 'ListBucketResult') return root;
    throw new XmlError(`is a <${root?.localName ?? ''}> document`);
  } catch (error) {
    if (!(error instanceof XmlError)) throw error;
    throw new OperationalError('SOURCE_PROTOCOL', `${what}: ${error.message}`, { cause: error });
  }
}

const textOf = (element: XmlElement, name: string): string => childElement(element, name)?.textContent ?? '';

/** The store's own code for why not: `, SignatureDoesNotMatch`. Its message may repeat the key id, and stays out. */
async function explainRefusal(response: HttpResponse): Promise<string> {
  const text = await readUpTo(response, MAX_REFUSAL_BYTES).catch(() => undefined);
  const code = /<Code>(\w{1,64})<\/Code>/.exec(text ?? '')?.[1];
  return code === undefined ? '' : `, ${code}`;
}

async function readUpTo(response: HttpResponse, maxBytes: number): Promise<string | undefined> {
  const pieces: Buffer[] = [];
  let sizeBytes = 0;
  for await (const piece of response.body) {
    sizeBytes += piece.length;
    if (sizeBytes > maxBytes) {
      response.discard();
      return undefined;
    }
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}
