/** The one wrapper of the structured-headers package: Structured Field Values, RFC 8941. */
import { parseDictionary, Token } from 'structured-headers';

/** One value of a dictionary: a token is distinguished from a string; lists, bytes and dates are 'other'. */
export type FieldValue =
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'token'; readonly value: string }
  | { readonly kind: 'other' };

/**
 * Reads a dictionary (RFC 8941 section 4.2.2), parameters dropped; undefined when any part of it does not parse, as
 * the RFC demands of the whole field. The package does not tell the decimal `10.0` from the integer `10`.
 */
export function readDictionary(text: string): ReadonlyMap<string, FieldValue> | undefined {
  const members = parsedMembers(text);
  if (members === undefined) return undefined;
  const values = new Map<string, FieldValue>();
  for (const [name, [value]] of members) values.set(name, toFieldValue(value));
  return values;
}

/** The members of a dictionary that are byte sequences; undefined when any part of it does not parse. */
export function readByteDictionary(text: string): ReadonlyMap<string, Uint8Array> | undefined {
  const members = parsedMembers(text);
  if (members === undefined) return undefined;
  const values = new Map<string, Uint8Array>();
  for (const [name, [value]] of members) if (value instanceof ArrayBuffer) values.set(name, new Uint8Array(value));
  return values;
}

function parsedMembers(text: string): ReturnType<typeof parseDictionary> | undefined {
  try {
    return parseDictionary(text);
  } catch {
    // Every exception of the parser means one thing, and which character it disliked is of no use to a cache.
    return undefined;
  }
}

function toFieldValue(value: unknown): FieldValue {
  if (typeof value === 'boolean') return { kind: 'boolean', value };
  if (typeof value === 'number') return { kind: 'number', value };
  if (typeof value === 'string') return { kind: 'string', value };
  if (value instanceof Token) return { kind: 'token', value: value.toString() };
  return { kind: 'other' };
}
