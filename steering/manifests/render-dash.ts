import type { CatalogueTitle } from '../../src/contracts/catalogue-snapshot.ts';
import { childElements, parseXml, serializeXml, type XmlElement } from '../../src/xml/xml-document.ts';
import { signPath } from '../tokens/url-signature.ts';
import type { Pathway } from './pathways.ts';
import { escapePath } from './render-hls.ts';

/**
 * The packager's MPD with our pathways in it: one BaseURL with a serviceLocation per pathway and a ContentSteering
 * element (ETSI TS 103 998, ISO/IEC 23009-1 section 5.6).
 *
 * The packager's document is otherwise left alone: what it says of codecs, timing and protection is its affair. It is
 * parsed once per catalogue and cut into text around the place where pathways go, so that rendering for a viewer is
 * putting strings together; parsing a large MPD for each would take most of the time that a player waits.
 *
 * Relative URLs inside resolve against the MPD's own folder at each pathway. A relative BaseURL at MPD level would
 * compete with ours, so it is taken out and goes into each pathway's URL. An absolute one that is not below the origin
 * points to a store that no appliance fills from; such a title is not steered and plays as the packager wrote it.
 *
 * The element names no default service location, though the first pathway is one: without it players begin at the first
 * BaseURL, which is the same. With it, Shaka 5.2.12 knows of that place alone until its first steering answer is there,
 * and it keeps the places of a single-file rendition (SegmentBase) as they are when it reads the index. Whoever read it
 * before the answer asked one appliance for the whole title, and stood still when that died (seen in Chromium: eight
 * tries at one dead appliance). Now it has all pathways in our order and fails over between them. What remains: it does
 * not follow a later answer, so a drained appliance goes on serving that rendition until the player takes another one.
 * Renditions of many files (SegmentTemplate) follow every answer. And on a machine without a free processor Shaka
 * sometimes stopped loading single-file DASH without a failed request or an error, also where nothing had happened to
 * the network; the cause is not known. Its HLS did not.
 */
export interface DashTemplate {
  /** Up to where BaseURLs go. */
  readonly before: string;
  /** From there up to where ContentSteering goes. */
  readonly between: string;
  readonly after: string;
  /** Prefix of the elements' names, with colon, where the document does not use the default namespace. */
  readonly prefix: string;
  /** Path below a pathway's base URL that relative URLs resolve against; ends with a slash. */
  readonly folder: string;
  readonly steerable: boolean;
}

export interface DashSteering {
  readonly url: string;
}

export type DashDescription = NonNullable<CatalogueTitle['dash']>;

const MARK = 'oca-pathways';

/** @throws XmlError when the packager's document is not XML that we take */
export function prepareDash(dash: DashDescription, originUrl: string): DashTemplate {
  const document = parseXml(dash.mpd);
  const mpd = document.documentElement;
  if (mpd === null) throw new Error('an MPD without a root element');
  for (const element of childElements(mpd, 'ContentSteering')) mpd.removeChild(element);
  const folder = resolveFolder(childElements(mpd, 'BaseURL')[0], dash.path, originUrl);
  if (folder !== undefined) for (const element of childElements(mpd, 'BaseURL')) mpd.removeChild(element);
  // The schema's order of an MPD's children: ProgramInformation, BaseURL, ..., ContentSteering, Period.
  const children = childElements(mpd);
  const afterInformation = children.find(({ localName }) => localName !== 'ProgramInformation');
  const firstPeriod = children.find(({ localName }) => localName === 'Period');
  mpd.insertBefore(document.createProcessingInstruction(MARK, ''), afterInformation ?? null);
  mpd.insertBefore(document.createProcessingInstruction(MARK, ''), firstPeriod ?? null);
  const [before, between, after] = serializeXml(document).split(/<\?oca-pathways\s*\?>/);
  if (before === undefined || between === undefined || after === undefined)
    throw new Error('the marks for pathways got lost in the MPD');
  return {
    before,
    between,
    after,
    prefix: mpd.prefix ? `${mpd.prefix}:` : '',
    folder: folder ?? '/',
    steerable: folder !== undefined,
  };
}

/**
 * @param pathways in the order of their rank; the first is where playback begins
 * @param steering undefined renders without content steering
 */
export function renderDash(
  template: DashTemplate,
  pathways: readonly Pathway[],
  steering: DashSteering | undefined,
): string {
  const { before, between, after, prefix, folder, steerable } = template;
  if (!steerable) return before + between + after;
  const baseUrls = pathways.map(
    ({ id, baseUrl, signature }) =>
      `<${prefix}BaseURL serviceLocation="${escapeXml(id)}">${escapeXml(baseUrl + signPath(folder, signature))}</${prefix}BaseURL>\n  `,
  );
  const contentSteering =
    steering === undefined
      ? ''
      : `<${prefix}ContentSteering queryBeforeStart="false">${escapeXml(steering.url)}</${prefix}ContentSteering>\n  `;
  return before + baseUrls.join('') + between + contentSteering + after;
}

/** The folder below every pathway's base URL, or undefined when the document points elsewhere. */
function resolveFolder(baseUrl: XmlElement | undefined, path: string, originUrl: string): string | undefined {
  const mpdFolder = escapePath(path.slice(0, path.lastIndexOf('/') + 1));
  const text = baseUrl?.textContent?.trim() ?? '';
  if (text === '') return mpdFolder;
  const origin = new URL(originUrl);
  const resolved = new URL(text, originUrl + mpdFolder);
  const below = `${origin.pathname.replace(/\/$/, '')}/`;
  if (resolved.origin !== origin.origin || !resolved.pathname.startsWith(below) || resolved.search !== '')
    return undefined;
  const absolute = resolved.pathname.slice(below.length - 1);
  return absolute.slice(0, absolute.lastIndexOf('/') + 1);
}

const escapeXml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
