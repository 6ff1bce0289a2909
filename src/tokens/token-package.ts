/**
 * Finding the URI Signing Package in a request target and taking it out (RFC 9246 sections 2 and 2.1.15).
 *
 * The package is an attribute with a JWT as its value: `;URISigningPackage=JWT` behind a segment of the path, or
 * `URISigningPackage=JWT` in the query. In the path it survives what players do to URLs: what a playlist names relative
 * to its own tokened URL carries the token on, while a query is dropped.
 *
 * The rule of removal has two cases. A JWT that ends at a sub-delimiter (`/a;URISigningPackage=J;x=1`) takes that one
 * with it; one that ends elsewhere takes the character before the attribute. Removal comes before normalisation, so
 * that `..` cannot be put together by it, and an attribute that shows only after normalisation (written with percent
 * signs) or a second one is refused: it would be part of the name of an object, and go to the origin.
 */
import { type ParsedTarget, parseTarget, type TargetLimits } from '../http/target-path.ts';

/** The attribute's name where nothing else is agreed on (RFC 9246 section 4.4). */
export const PACKAGE_ATTRIBUTE = 'URISigningPackage';

export type UnpackedTarget =
  | { readonly kind: 'ok'; readonly target: ParsedTarget & { readonly kind: 'ok' }; readonly token: string | undefined }
  /** The rest is no target that anything is served for, token or not. */
  | { readonly kind: 'bad-target'; readonly target: ParsedTarget & { readonly kind: 'refused' } }
  /** There is a package, and it has two readings or none. */
  | { readonly kind: 'bad-package' };

const IN_PATH = `;${PACKAGE_ATTRIBUTE}=`;
const JWT_CHARACTERS = /[A-Za-z0-9_.-]*/y;
const SUB_DELIMITERS = "!$&'()*+,;=";
/** Behind a JWT that ends at none of these or of those above, something belongs to the value that no JWT has. */
const OTHER_ENDS = '/?:@[]';

/** The target without its package, normalised, and the JWT. Never throws; linear in its length. */
export function unpackTarget(rawTarget: string, limits: TargetLimits): UnpackedTarget {
  if (!rawTarget.includes(PACKAGE_ATTRIBUTE)) return withoutToken(rawTarget, limits);
  if (rawTarget.length > limits.maxTargetChars) return withoutToken(rawTarget, limits);
  const attributeAt = findPackage(rawTarget);
  if (attributeAt === undefined) return withoutToken(rawTarget, limits);
  const valueAt = attributeAt + PACKAGE_ATTRIBUTE.length + 1;
  JWT_CHARACTERS.lastIndex = valueAt;
  const token = JWT_CHARACTERS.exec(rawTarget)?.[0] ?? '';
  const endAt = valueAt + token.length;
  const end = rawTarget.charAt(endAt);
  const endsAtSubDelimiter = end !== '' && SUB_DELIMITERS.includes(end);
  if (!endsAtSubDelimiter && end !== '' && !OTHER_ENDS.includes(end)) return { kind: 'bad-package' };
  const rest = endsAtSubDelimiter
    ? rawTarget.slice(0, attributeAt) + rawTarget.slice(endAt + 1)
    : rawTarget.slice(0, attributeAt - 1) + rawTarget.slice(endAt);
  const unpacked = withoutToken(rest, limits);
  return unpacked.kind === 'ok' ? { ...unpacked, token } : unpacked;
}

/** The path of a file with a package behind one of its folders. @param folder `/vod/t123`, a beginning of the path */
export function packIntoPath(path: string, folder: string, token: string): string {
  return `${folder}${IN_PATH}${token}${path.slice(folder.length)}`;
}

/**
 * Where the first attribute begins: behind `;` in the path, behind `?` or `&` in the query (RFC 6570 sections 3.2.7 to
 * 3.2.9).
 */
function findPackage(target: string): number | undefined {
  const queryAt = target.indexOf('?');
  const inPath = target.indexOf(IN_PATH);
  if (inPath !== -1 && (queryAt === -1 || inPath < queryAt)) return inPath + 1;
  if (queryAt === -1) return undefined;
  for (let at = queryAt; at !== -1; at = target.indexOf('&', at + 1)) {
    if (target.startsWith(`${PACKAGE_ATTRIBUTE}=`, at + 1)) return at + 1;
  }
  return undefined;
}

function withoutToken(rawTarget: string, limits: TargetLimits): UnpackedTarget {
  const target = parseTarget(rawTarget, limits);
  if (target.kind === 'refused') return { kind: 'bad-target', target };
  // Whatever is left of it would be told to the origin and to the log.
  if (target.path.includes(PACKAGE_ATTRIBUTE) || target.query.includes(PACKAGE_ATTRIBUTE)) {
    return { kind: 'bad-package' };
  }
  return { kind: 'ok', target, token: undefined };
}
