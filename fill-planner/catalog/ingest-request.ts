import { basename, dirname } from 'node:path';
import { z } from 'zod';
import type { HttpClient } from '../../src/client/http-client.ts';
import { parseContract } from '../../src/contracts/contract.ts';
import { baseUrlSchema, titleIdSchema } from '../../src/contracts/ids.ts';
import { OperationalError } from '../../src/errors/operational-error.ts';
import type { World } from '../../src/world/world.ts';
import type { TitleNaming } from './assemble-title.ts';
import { DASH_NAME, HLS_NAME, type ManifestNames } from './manifests/read-manifests.ts';
import { openDirectorySource } from './source/directory-source.ts';
import { findTitles, listBelow } from './source/find-titles.ts';
import { httpSource } from './source/http-source.ts';
import { encodeKey, type S3Store } from './source/s3-store.ts';
import { steadySource } from './source/steady-source.ts';
import type { TitleSource } from './source/title-source.ts';

/** What an operator asks for with `oca title add`, and what is made of what he left out. */
const ingestRequestSchema = z.object({
  /** Absolute directory, http(s) URL or `s3://BUCKET/PREFIX` of a folder, or of one of its manifests or media files. */
  source: z.string().min(1).max(2048),
  id: titleIdSchema.optional(),
  name: z.string().min(1).max(200).optional(),
  pathPrefix: z
    .string()
    .max(512)
    .regex(/^(?:\/[^\s?#\\/]+)*\/?$/, 'must be an absolute URL path')
    .optional(),
  originUrl: baseUrlSchema.optional(),
  /** Take in every title below the source. */
  all: z.boolean().optional(),
  /** Read every file, known or not. */
  reread: z.boolean().optional(),
});
export type IngestRequest = z.infer<typeof ingestRequestSchema>;

/** The source for a log line: what an operator pastes into a URL (credentials, a signed query) stays out of it. */
export function sourceForLog({ source }: IngestRequest): string {
  if (!/^https?:/i.test(source)) return source;
  if (!URL.canParse(source)) return 'no URL';
  const { origin, pathname } = new URL(source);
  return origin + pathname;
}

export const parseIngestRequest = (body: unknown): IngestRequest =>
  parseContract('title request', ingestRequestSchema, body);

export interface IngestPlan {
  readonly source: TitleSource;
  readonly naming: TitleNaming;
  readonly manifestNames: ManifestNames;
}

/** What a request may need to reach its source. */
export interface SourceAccess {
  readonly http: HttpClient;
  readonly world: World;
  /** Of titles from directories and object stores; '' when there is none. */
  readonly defaultOriginUrl: string;
  /** @throws OperationalError CONFIG_INVALID when the planner has no credentials */
  readonly s3: () => Promise<S3Store>;
}

/**
 * Where a title is read from and what it will be called.
 * @throws OperationalError CONFIG_INVALID when the source is of no known kind, or its origin is not known; MEDIA_BROKEN
 * when the directory is not there
 */
export async function planIngest(request: IngestRequest, access: SourceAccess): Promise<IngestPlan> {
  if (/^https?:\/\//i.test(request.source)) return planHttp(request, access);
  if (/^s3:\/\//i.test(request.source)) return planS3(request, access);
  refuseUnlessDirectory(request);
  const { folder, fileName } = splitFile(request.source);
  const named = nameTitle(request, request.source);
  return {
    source: await openDirectorySource(folder),
    naming: { ...named, originUrl: originOf(request, access) },
    manifestNames: manifestNamesOf(fileName === undefined ? undefined : encodeURIComponent(fileName)),
  };
}

/**
 * One request for each title below the source of a request for all, as the source lists them. Titles keep their place:
 * the folder `a/b` becomes the title `a-b` under the path prefix `/a/b`.
 * @throws OperationalError CONFIG_INVALID when the source cannot be listed; what listing throws
 */
export async function* findRequests(
  request: IngestRequest,
  access: SourceAccess,
  signal: AbortSignal,
): AsyncGenerator<IngestRequest> {
  if (request.id !== undefined || request.name !== undefined)
    throw new OperationalError('CONFIG_INVALID', 'id and name are of one title, not of all');
  const top = request.source.replace(/\/+$/, '');
  // Keys of an object store are public paths as they are; a directory's top is nobody's path.
  const pathPrefix = request.pathPrefix ?? (request.source.startsWith('/') ? '' : undefined);
  for await (const path of findTitles(await listerOf(request, access, signal))) {
    signal.throwIfAborted();
    const below = path === '' ? '' : `/${path}`;
    yield {
      ...request,
      all: false,
      source: `${top}${below}`,
      ...(path === '' ? {} : { id: idFrom(path.replaceAll('/', '-')) }),
      ...(pathPrefix === undefined || path === '' ? {} : { pathPrefix: trimPrefix(pathPrefix) + encodeKey(below) }),
    };
  }
}

async function listerOf(request: IngestRequest, access: SourceAccess, signal: AbortSignal) {
  if (/^https?:\/\//i.test(request.source))
    throw new OperationalError('CONFIG_INVALID', 'a web server does not list its folders: add its titles one by one');
  if (!/^s3:\/\//i.test(request.source)) {
    refuseUnlessDirectory(request);
    return listBelow(request.source);
  }
  const { bucket, key } = splitS3(request.source);
  const store = await access.s3();
  const top = key === '' ? '' : `${key.replace(/\/+$/, '')}/`;
  return (path: string) => store.list(bucket, path === '' ? top : `${top}${path}/`, signal);
}

function refuseUnlessDirectory({ source }: IngestRequest): void {
  if (!source.startsWith('/'))
    throw new OperationalError(
      'CONFIG_INVALID',
      `'${source}' is neither an absolute directory nor an http URL nor s3://BUCKET/PREFIX`,
    );
}

function planHttp(request: IngestRequest, { http, world }: SourceAccess): IngestPlan {
  if (!URL.canParse(request.source)) throw new OperationalError('CONFIG_INVALID', `'${request.source}' is no URL`);
  const url = new URL(request.source);
  if (url.search !== '' || url.username !== '' || url.password !== '')
    throw new OperationalError('CONFIG_INVALID', 'the URL of a title may have neither a query nor credentials');
  const { folder, fileName } = splitFile(url.pathname);
  const named = nameTitle({ ...request, pathPrefix: request.pathPrefix ?? folder }, url.pathname);
  return {
    source: steadySource(httpSource(`${url.origin}${folder}/`, http), world),
    naming: { ...named, originUrl: request.originUrl ?? url.origin },
    manifestNames: manifestNamesOf(fileName),
  };
}

async function planS3(request: IngestRequest, access: SourceAccess): Promise<IngestPlan> {
  const { bucket, key } = splitS3(request.source);
  const { folder, fileName } = splitFile(`/${key}`);
  const named = nameTitle({ ...request, pathPrefix: request.pathPrefix ?? encodeKey(folder) }, `/${key}`);
  const originUrl = originOf(request, access);
  const store = await access.s3();
  return {
    source: store.source(bucket, folder === '' ? '' : `${folder.slice(1)}/`),
    naming: { ...named, originUrl },
    manifestNames: manifestNamesOf(fileName === undefined ? undefined : encodeURIComponent(fileName)),
  };
}

/** @throws OperationalError CONFIG_INVALID */
function splitS3(source: string): { readonly bucket: string; readonly key: string } {
  const match = /^s3:\/\/([a-z0-9][a-z0-9._-]{1,62})(?:\/(.*))?$/i.exec(source);
  if (match === null) throw new OperationalError('CONFIG_INVALID', `'${source}' is not s3://BUCKET/PREFIX`);
  return { bucket: match[1] ?? '', key: match[2] ?? '' };
}

function originOf(request: IngestRequest, { defaultOriginUrl }: SourceAccess): string {
  const originUrl = request.originUrl ?? defaultOriginUrl;
  if (originUrl === '')
    throw new OperationalError(
      'CONFIG_INVALID',
      'a title from a directory or object store needs an origin URL: add --origin, or start the planner with --origin',
    );
  return originUrl;
}

/** A file of this name is meant itself, with the folder that it lies in; any other name is a folder's. */
const FILE_NAME = /\.(?:m3u8|mpd|mp4|m4[sva]|cmf[vat])$/i;

/** @returns folder without a trailing slash */
function splitFile(path: string): { readonly folder: string; readonly fileName: string | undefined } {
  const trimmed = path.replace(/\/+$/, '');
  return FILE_NAME.test(trimmed) && trimmed === path
    ? { folder: dirname(trimmed).replace(/^\/$/, ''), fileName: basename(trimmed) }
    : { folder: trimmed, fileName: undefined };
}

const isManifest = (name: string): boolean => /\.(?:m3u8|mpd)$/i.test(name);

/** The named manifest, and the well-known one of the other kind if it is there too; a media file stands for itself. */
function manifestNamesOf(fileName: string | undefined): ManifestNames {
  if (fileName === undefined) return { required: [], optional: [HLS_NAME, DASH_NAME] };
  if (!isManifest(fileName)) return { required: [], optional: [], mediaFile: fileName };
  return { required: [fileName], optional: [/\.mpd$/i.test(fileName) ? HLS_NAME : DASH_NAME] };
}

/** A title is called by its folder, one that is a media file by that. */
function nameTitle(request: IngestRequest, path: string): Omit<TitleNaming, 'originUrl'> {
  const { folder, fileName } = splitFile(path);
  const isFile = fileName !== undefined && !isManifest(fileName);
  const id = request.id ?? idFrom(isFile ? fileName.replace(FILE_NAME, '') : folder);
  return { id, name: request.name ?? id, pathPrefix: trimPrefix(request.pathPrefix ?? `/${id}`) };
}

const trimPrefix = (path: string): string => path.replace(/\/+$/, '');

/** An id out of the last part of a path. @throws OperationalError CONFIG_INVALID when nothing is left of it */
function idFrom(path: string): string {
  const last = path.replace(/\/+$/, '').split('/').at(-1) ?? '';
  const id = last
    .toLowerCase()
    .replace(/[^a-z0-9_-]+/g, '-')
    .replace(/^[^a-z0-9]+|-+$/g, '')
    .slice(0, 64);
  if (id === '') throw new OperationalError('CONFIG_INVALID', `'${path}' gives no id: state one`);
  return id;
}
