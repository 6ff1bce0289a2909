import { z } from 'zod';
import type { HttpClient } from '../../src/client/http-client.ts';
import { parseContract } from '../../src/contracts/contract.ts';
import { baseUrlSchema, titleIdSchema } from '../../src/contracts/ids.ts';
import { OperationalError } from '../../src/errors/operational-error.ts';
import type { TitleNaming } from './assemble-title.ts';
import { DASH_NAME, HLS_NAME, type ManifestNames } from './manifests/read-manifests.ts';
import { openDirectorySource } from './source/directory-source.ts';
import { httpSource } from './source/http-source.ts';
import type { TitleSource } from './source/title-source.ts';

/** What an operator asks for with `oca title add`, and what is made of what he left out. */
const ingestRequestSchema = z.object({
  /** Absolute directory, or http(s) URL of a folder or of one of its manifests. */
  source: z.string().min(1).max(2048),
  id: titleIdSchema.optional(),
  name: z.string().min(1).max(200).optional(),
  pathPrefix: z
    .string()
    .max(512)
    .regex(/^(?:\/[^\s?#\\/]+)*\/?$/, 'must be an absolute URL path')
    .optional(),
  originUrl: baseUrlSchema.optional(),
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

/**
 * Where a title is read from and what it will be called.
 * @param defaultOriginUrl of titles from directories; '' when there is none
 * @throws OperationalError CONFIG_INVALID when the source is neither, or its origin is not known; MEDIA_BROKEN when the
 * directory is not there
 */
export async function planIngest(
  request: IngestRequest,
  http: HttpClient,
  defaultOriginUrl: string,
): Promise<IngestPlan> {
  if (/^https?:\/\//i.test(request.source)) return planHttp(request, http);
  if (!request.source.startsWith('/'))
    throw new OperationalError(
      'CONFIG_INVALID',
      `'${request.source}' is neither an absolute directory nor an http URL`,
    );
  const originUrl = request.originUrl ?? defaultOriginUrl;
  if (originUrl === '')
    throw new OperationalError(
      'CONFIG_INVALID',
      'a title from a directory needs an origin URL: add --origin, or start the planner with --origin',
    );
  const id = request.id ?? idFrom(request.source);
  return {
    source: await openDirectorySource(request.source),
    naming: { id, name: request.name ?? id, pathPrefix: trimPrefix(request.pathPrefix ?? `/${id}`), originUrl },
    manifestNames: WELL_KNOWN,
  };
}

function planHttp(request: IngestRequest, http: HttpClient): IngestPlan {
  if (!URL.canParse(request.source)) throw new OperationalError('CONFIG_INVALID', `'${request.source}' is no URL`);
  const url = new URL(request.source);
  if (url.search !== '' || url.username !== '' || url.password !== '')
    throw new OperationalError('CONFIG_INVALID', 'the URL of a title may have neither a query nor credentials');
  const manifestName = /[^/]+\.(?:m3u8|mpd)$/i.exec(url.pathname)?.[0];
  const folderPath = manifestName === undefined ? url.pathname : url.pathname.slice(0, -manifestName.length);
  const folder = folderPath.endsWith('/') ? folderPath : `${folderPath}/`;
  const id = request.id ?? idFrom(folder);
  return {
    source: httpSource(`${url.origin}${folder}`, http),
    naming: {
      id,
      name: request.name ?? id,
      pathPrefix: trimPrefix(request.pathPrefix ?? folder),
      originUrl: request.originUrl ?? url.origin,
    },
    manifestNames: manifestName === undefined ? WELL_KNOWN : withSibling(manifestName),
  };
}

const WELL_KNOWN: ManifestNames = { required: [], optional: [HLS_NAME, DASH_NAME] };

/** The named manifest, and the well-known one of the other kind if it is there too. */
const withSibling = (name: string): ManifestNames => ({
  required: [name],
  optional: [/\.mpd$/i.test(name) ? HLS_NAME : DASH_NAME],
});

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
