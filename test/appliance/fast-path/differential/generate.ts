/**
 * What clients send: mostly what players do, with everything else that the grammar of HTTP allows, and then what it does
 * not. A script is what one connection says. All but its last request are sound, and sent when the one before is
 * answered; the last may be odd or mutated, and nobody knows how it is answered. Behind it comes a plain request that
 * ends the connection: whether that one is answered tells whether the connection was kept.
 */
import { FILM_BYTES, PATHS, TAGS, USUAL_PATHS } from './contents.ts';
import type { Dice } from './dice.ts';

export interface Script {
  /** Each is awaited. */
  readonly sound: readonly string[];
  /** What is sent then, in pieces. */
  readonly last: readonly string[];
  /** The probe is sent with the last, not behind its answer. */
  readonly isPipelined: boolean;
}

/** Its answer is told by its range from all others. */
export const PROBE = 'GET /byte.bin HTTP/1.1\r\nHost: probe\r\nRange: bytes=0-0\r\nConnection: close\r\n\r\n';

export function makeScript(dice: Dice): Script {
  const sound = Array.from({ length: dice.below(20) }, () => makeRequest(dice, true));
  const request = makeRequest(dice, dice.is(0.5));
  const tail = (dice.is(0.4) ? mutate(request, dice) : request) + (dice.is(0.1) ? makeRequest(dice, true) : '');
  return { sound, last: cutUp(tail, dice), isPipelined: dice.is(0.3) };
}

function makeRequest(dice: Dice, isUsual: boolean): string {
  const method = dice.is(isUsual ? 0.9 : 0.7) ? 'GET' : dice.of(isUsual ? ['HEAD'] : METHODS);
  const fields = isUsual ? usualFields(dice) : oddFields(dice);
  // The film is long, and only ranges of it are asked for often.
  const isRanged = fields.some((field) => /^range: bytes=\d+-\d/i.test(field));
  const target = isUsual && dice.is(0.9) ? usualTarget(dice, isRanged && dice.is(0.4)) : oddTarget(dice);
  const isFirst = dice.is(0.7);
  const host = isUsual || dice.is(0.9) ? [`${cased('Host', dice)}: ${dice.of(HOSTS)}`] : dice.of(ODD_HOSTS);
  const lines = isFirst ? [...host, ...fields] : [...fields, ...host];
  const version = isUsual || dice.is(0.9) ? 'HTTP/1.1' : dice.of(['HTTP/1.0', 'HTTP/1.2', 'HTTP/2.0', 'http/1.1']);
  return `${method} ${target} ${version}\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;
}

const METHODS = ['HEAD', 'HEAD', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'get', 'GETX', 'PROPFIND', 'TRACE', 'CONNECT'];
const HOSTS = ['a.example', 'a.example:8080', '127.0.0.1:80', '[::1]:8080', 'A_b-c.example', 'a.example:'];
const ODD_HOSTS: readonly (readonly string[])[] = [
  [],
  ['Host:'],
  ['Host: a, b'],
  ['Host: a b'],
  ['Host: u@a'],
  ['Host: a', 'Host: a'],
  ['Host: a', 'host: b'],
  ['Host: [::1'],
  ['Host: a:port'],
  ['Host: %41'],
  ['Host : a'],
];

function usualTarget(dice: Dice, isOfFilm: boolean): string {
  const path = isOfFilm ? '/film.mp4' : dice.is(0.9) ? dice.of(USUAL_PATHS) : dice.of(PATHS);
  return dice.is(0.4) ? `${path}${path.includes('?') ? '&' : '?'}${dice.of(PLAYER_QUERIES)}` : path;
}

const PLAYER_QUERIES = [
  'CMCD=bl%3D21300%2Cbr%3D3200%2Cot%3Dv%2Csid%3D%226e2fb550%22',
  'CMCD=br%3D1',
  'CMCD',
  'CMCD=',
  '_HLS_pathway=a&_HLS_throughput=1200',
  '_DASH_pathway=%22a%22&_DASH_throughput=12',
  'CMCD=a&_HLS_pathway=b',
];

function oddTarget(dice: Dice): string {
  const path = dice.of(PATHS);
  switch (dice.below(9)) {
    case 0:
      return `${path}${dice.of(['?', '?v=1', '?v=1&CMCD=x', '?CMCD=x&v=1', '?&', '?=', '??', '?v=%7e', '?%43MCD=1', '?a#b'])}`;
    case 1:
      return path.replace(/[a-z]/, (letter) => `%${letter.charCodeAt(0).toString(16)}`);
    case 2:
      return path.replace(
        '/',
        dice.of(['//', '/./', '/../', '/.', '/%2e%2e/', '/;', '/%2F', '\\', '/%', '/%00', '/"', '/|']),
      );
    case 3:
      return dice.of(['http://a.example', 'HTTP://b', 'https://u@c', 'ftp://x', 'http://']) + path;
    case 4:
      return dice.of([
        '*',
        '/',
        '',
        'x',
        '/v1/inventory',
        '/v1/steering/hls',
        '/a%zz',
        '/missing.mp4',
        '/a b',
        'a.example:80',
      ]);
    case 5:
      return `${path};URISigningPackage=a.b.c`;
    case 6:
      return `/${'x'.repeat(dice.of([100, 4000, 4095, 4096, 9000]))}`;
    case 7:
      return path.toUpperCase();
    default:
      return path;
  }
}

function usualFields(dice: Dice): string[] {
  const fields: string[] = [];
  if (dice.is(0.6)) fields.push(`${cased('Range', dice)}: ${usualRange(dice)}`);
  if (dice.is(0.5)) fields.push('User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36', 'Accept: */*');
  if (dice.is(0.5)) fields.push('Accept-Encoding: identity;q=1, *;q=0', 'Accept-Language: de,en;q=0.5');
  if (dice.is(0.3))
    fields.push('Origin: https://player.example', 'Referer: https://player.example/', 'Sec-Fetch-Mode: cors');
  if (dice.is(0.2)) fields.push('Connection: keep-alive');
  if (dice.is(0.15)) fields.push(`${cased('If-None-Match', dice)}: ${dice.of(TAGS)}`);
  if (dice.is(0.15)) fields.push(`${cased('If-Range', dice)}: ${dice.of(TAGS)}`);
  if (dice.is(0.1)) fields.push('CMCD-Request: bl=21300,mtp=25400', 'CMCD-Session: sid="6e2fb550"');
  if (dice.is(0.05)) fields.push('Cookie: a=b', 'DNT: 1', 'Priority: u=1, i');
  if (dice.is(0.05)) fields.push('X-Forwarded-For: 192.0.2.1', 'Via: 1.1 proxy');
  return shuffled(fields, dice);
}

function usualRange(dice: Dice): string {
  const first = dice.of([
    0,
    0,
    1,
    499,
    1_048_575,
    1_048_576,
    FILM_BYTES - 1,
    FILM_BYTES,
    dice.below(10_000),
    dice.below(FILM_BYTES),
  ]);
  const length = dice.of([1, 2, 500, 4096, dice.below(5000) + 1]);
  const kind = dice.below(10);
  if (kind === 0 && first > FILM_BYTES - 100_000) return `bytes=${first}-`;
  if (kind === 1) return `bytes=-${length}`;
  return `bytes=${first}-${first + length - 1}`;
}

const ODD_RANGES = [
  [
    'bytes=0-0,2-3',
    'bytes=0-99,100-199',
    'bytes=5-1',
    'bytes=-0',
    'bytes=',
    'bytes',
    'bytes=-',
    'bytes=a-b',
    'items=0-1',
  ],
  [
    'Bytes=0-9',
    'bytes = 0-9',
    'bytes= 0-9',
    'bytes=0-9 ',
    'bytes=0 -9',
    'bytes=0-9,',
    'bytes=,0-9',
    'bytes=00-09',
    'bytes=+1-2',
  ],
  [
    'bytes=0-99999999999999999999',
    'bytes=99999999999999999999-',
    'bytes=9007199254740993-',
    'bytes=-99999999999999999999',
  ],
  [
    'bytes=0-0,0-0,0-0',
    'bytes=1-2-3',
    'bytes=0x0-1',
    '\tbytes=0-9',
    '"bytes=0-9"',
    'bytes=0-9;a',
    'bytes=1.0-2',
    'bytes=0-9\t',
  ],
].flat();
const ODD_FIELDS = [
  ['Connection: close', 'Connection: Close', 'Connection: keep-alive, close', 'Connection: upgrade', 'Connection: x-a'],
  ['Connection:', 'Upgrade: websocket', 'Upgrade: h2c', 'Expect: 100-continue', 'Expect: x', 'TE: trailers'],
  [
    'Content-Length: 0',
    'Content-Length: 00',
    'Content-Length: 5',
    'Content-Length: x',
    'Content-Length: 0, 0',
    'Content-Length:',
  ],
  [
    'Transfer-Encoding: chunked',
    'Transfer-Encoding: identity',
    'Transfer-Encoding: gzip, chunked',
    'Transfer-Encoding:',
  ],
  [
    'Cache-Control: no-cache',
    'Cache-Control: max-age=0',
    'Cache-Control: only-if-cached',
    'Cache-Control: no-store',
    'Pragma: no-cache',
  ],
  [
    'Cache-Control: max-stale=5',
    'Authorization: Basic YTpi',
    'CDN-Loop: oca-1',
    'CDN-Loop: other',
    'oca-grant: a.b.c',
    'Priority: u=7',
  ],
  [
    'If-Match: *',
    'If-Match: "film-1"',
    'If-None-Match: *',
    'If-None-Match: W/"film-1"',
    'If-None-Match: "a", "film-1"',
    'If-None-Match: film-1',
  ],
  [
    'If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT',
    'If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT',
    'If-Modified-Since: x',
  ],
  [
    'If-Range: W/"film-1"',
    'If-Range: Sun, 06 Nov 1994 08:49:37 GMT',
    'If-Range: x',
    'If-Range:',
    'If-None-Match:',
    'If-None-Match: "é"',
  ],
  [
    'Accept-Language: fr',
    'X-Unknown: 1',
    'X-Empty:',
    'X-Spaced:   a b  ',
    'Cookie: é',
    ': no name',
    'no colon',
    'X Y: 1',
    'X-A : 1',
    ' folded',
  ],
  [
    'X-Http-Method-Override: HEAD',
    'Forwarded: for=192.0.2.1',
    'Keep-Alive: timeout=5',
    'Trailer: x',
    'Max-Forwards: 0',
    'HTTP2-Settings: AAM',
  ],
].flat();

function oddFields(dice: Dice): string[] {
  const fields = usualFields(dice);
  for (let count = 1 + dice.below(3); count > 0; count -= 1) {
    const field = dice.is(0.4) ? `Range: ${dice.of(ODD_RANGES)}` : dice.of(ODD_FIELDS);
    fields.push(dice.is(0.2) ? respaced(field, dice) : field);
    if (dice.is(0.1)) fields.push(field);
  }
  if (dice.is(0.03)) fields.push(`X-Long: ${'y'.repeat(dice.of([2000, 8000, 16_000, 17_000]))}`);
  if (dice.is(0.03)) for (let line = 0; line < 110; line += 1) fields.push(`X-Line-${line}: 1`);
  return shuffled(fields, dice);
}

function respaced(field: string, dice: Dice): string {
  const colonAt = field.indexOf(':');
  if (colonAt < 1) return field;
  const value = field.slice(colonAt + 1).trim();
  return (
    cased(field.slice(0, colonAt), dice) +
    dice.of([':', ': ', ':  ', ':\t', ' :', ':\r\n ']) +
    value +
    dice.of(['', ' ', '\t '])
  );
}

const cased = (name: string, dice: Dice): string =>
  dice.is(0.8)
    ? name
    : dice.of([name.toLowerCase(), name.toUpperCase(), `${name.slice(0, 1)}${name.slice(1).toUpperCase()}`]);

function shuffled<T>(items: readonly T[], dice: Dice): T[] {
  return items
    .map((item) => ({ item, place: dice.next() }))
    .sort((left, right) => left.place - right.place)
    .map(({ item }) => item);
}

const ODD_BYTES = [
  '\r',
  '\n',
  '\r\n',
  '\0',
  ' ',
  '\t',
  ':',
  '/',
  '%',
  '\x7f',
  'é',
  '"',
  ',',
  ';',
  '\x0b',
  '0',
  'a',
  '\r\n\r\n',
  '#',
  '?',
  '\\',
];

/** One to three small faults. */
function mutate(request: string, dice: Dice): string {
  let text = request;
  for (let count = 1 + dice.below(3); count > 0; count -= 1) {
    const at = dice.below(text.length + 1);
    switch (dice.below(7)) {
      case 0:
        text = text.slice(0, at) + text.slice(at + 1);
        break;
      case 1:
        text = text.slice(0, at) + dice.of(ODD_BYTES) + text.slice(at);
        break;
      case 2:
        text = text.slice(0, at) + dice.of(ODD_BYTES) + text.slice(at + 1);
        break;
      case 3:
        text = text.slice(0, at) + text.slice(at, at + 12) + text.slice(at);
        break;
      case 4:
        text = text.replace('\r\n', '\n');
        break;
      case 5:
        text = text.slice(0, -1 - dice.below(4));
        break;
      default:
        text = dice.of(['\r\n', '\n', ' ', '\r', '\0', '\r\n\r\n']) + text;
    }
  }
  return text;
}

/** Mostly in one piece; else cut anywhere. */
function cutUp(text: string, dice: Dice): string[] {
  if (dice.is(0.7)) return [text];
  const at = dice.below(text.length);
  const then = at + dice.below(text.length - at);
  return [text.slice(0, at), text.slice(at, then), text.slice(then)].filter((piece) => piece !== '');
}
