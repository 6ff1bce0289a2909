import type { UrlPattern } from '../../src/contracts/trigger-list.ts';

/**
 * Whether a target fits a pattern (RFC 8006 section 4.1.5): `*` is any number of characters, slashes too, `?` is one,
 * `$` takes the character behind it literally. Without `matchQueryString` a target's query does not count.
 *
 * It is put to a million keys in a row and written by others, so it is no regular expression, which some patterns make
 * exponential: one pointer in each text and one place to go back to, linear but for patterns of many stars, whose number
 * is bounded by the pattern's length.
 */
export function fitsPattern(pattern: CompiledPattern, target: string): boolean {
  const { isCaseSensitive, matchesQuery, signs } = pattern;
  const queryAt = matchesQuery ? -1 : target.indexOf('?');
  const path = queryAt === -1 ? target : target.slice(0, queryAt);
  const text = isCaseSensitive ? path : path.toLowerCase();
  let [at, signAt, starAt, resumeAt] = [0, 0, -1, 0];
  while (at < text.length) {
    const sign = signs[signAt];
    if (sign === 'any') {
      starAt = signAt;
      resumeAt = at;
      signAt += 1;
    } else if (sign !== undefined && (sign === 'one' || sign.literal === text[at])) {
      at += 1;
      signAt += 1;
    } else if (starAt >= 0) {
      resumeAt += 1;
      at = resumeAt;
      signAt = starAt + 1;
    } else return false;
  }
  while (signs[signAt] === 'any') signAt += 1;
  return signAt === signs.length;
}

type Sign = 'any' | 'one' | { readonly literal: string };

export interface CompiledPattern {
  readonly isCaseSensitive: boolean;
  readonly matchesQuery: boolean;
  readonly signs: readonly Sign[];
}

export function compilePattern({ pattern, caseSensitive, matchQueryString }: UrlPattern): CompiledPattern {
  const text = caseSensitive ? pattern : pattern.toLowerCase();
  const signs: Sign[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at] ?? '';
    if (character === '*') {
      if (signs.at(-1) !== 'any') signs.push('any');
    } else if (character === '?') signs.push('one');
    else if (character === '$' && at + 1 < text.length) {
      at += 1;
      signs.push({ literal: text[at] ?? '' });
    } else signs.push({ literal: character });
  }
  return { isCaseSensitive: caseSensitive, matchesQuery: matchQueryString, signs };
}
