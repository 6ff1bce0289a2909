import { describe, expect, it } from 'vitest';
import { emptyHead, type HeadReading, MAX_HEAD_BYTES, readHead } from '../../../appliance/fast-path/request-head.ts';

const head = emptyHead();
const read = (text: string): HeadReading => {
  const bytes = Buffer.from(text, 'latin1');
  return readHead(bytes, 0, bytes.length, 0, head);
};
const withFields = (...lines: readonly string[]): string =>
  ['GET /film.mp4 HTTP/1.1', 'Host: cdn.example', ...lines, '', ''].join('\r\n');

describe('the request head of the fast path', () => {
  it.each<[string, readonly string[]]>([
    [
      'Chrome',
      [
        'Connection: keep-alive',
        'sec-ch-ua-platform: "Linux"',
        'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
        'sec-ch-ua: "Chromium";v="140", "Not=A?Brand";v="24"',
        'sec-ch-ua-mobile: ?0',
        'Accept: */*',
        'Origin: http://player.example',
        'Sec-Fetch-Site: cross-site',
        'Sec-Fetch-Mode: cors',
        'Sec-Fetch-Dest: empty',
        'Referer: http://player.example/',
        'Accept-Encoding: identity;q=1, *;q=0',
        'Accept-Language: en-GB,en;q=0.9',
        'Cookie: a=b; c="d"',
        'Range: bytes=0-1048575',
      ],
    ],
    [
      'Firefox',
      [
        'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0',
        'Accept: video/webm,video/ogg,video/*;q=0.9,application/ogg;q=0.7,audio/*;q=0.6,*/*;q=0.5',
        'Accept-Language: en-US,en;q=0.5',
        'Range: bytes=0-1048575',
        'DNT: 1',
        'Sec-GPC: 1',
        'Connection: keep-alive',
        'Priority: u=4',
        'Accept-Encoding: identity',
      ],
    ],
    [
      'AVPlayer',
      [
        'X-Playback-Session-Id: 5F1C8E2E-2B5A-4D5C-8B0D-1F6E8B8F3C11',
        'Range: bytes=0-1048575',
        'Accept: */*',
        'User-Agent: AppleCoreMedia/1.0.0.22A3354 (iPhone; U; CPU OS 18_0 like Mac OS X; en_us)',
        'Accept-Language: en-GB,en;q=0.9',
        'Accept-Encoding: identity',
        'Connection: keep-alive',
      ],
    ],
    ['wrk', ['Range: bytes=0-1048575']],
    ['curl', ['User-Agent: curl/8.5.0', 'Accept: */*', 'Range: bytes=0-1048575']],
  ])('takes what %s sends', (_who, lines) => {
    expect(read(withFields(...lines))).toBe('whole');
    expect(head).toMatchObject({ isHead: false, target: '/film.mp4', host: 'cdn.example', isLast: false });
    expect(head).toMatchObject({ range: 'bytes=0-1048575', rangeFirst: 0, rangeLast: 1_048_575, suffixBytes: -1 });
    expect(head.lengthBytes).toBe(withFields(...lines).length);
  });

  it('leaves nothing of one head in the next', () => {
    const rich = withFields('Range: bytes=-5', 'If-Range: "a"', 'If-None-Match: "b"', 'CMCD-Session: sid="x"');
    expect(read(rich)).toBe('whole');
    expect(head).toMatchObject({ suffixBytes: 5, rangeFirst: -1, ifRange: '"a"', ifNoneMatch: '"b"' });
    expect(head.report).toEqual({ 'cmcd-session': 'sid="x"' });
    expect(read('HEAD / HTTP/1.1\r\nHost: [::1]:80\r\nConnection: close\r\nRange: bytes=1-2\r\n\r\n')).toBe('whole');
    const fresh = { ...emptyHead(), isHead: true, isLast: true, target: '/', host: '[::1]:80' };
    expect(head).toEqual({ ...fresh, lengthBytes: head.lengthBytes });
  });

  it.each<[string, string, string]>([
    ['another method', 'POST / HTTP/1.1\r\nHost: a\r\n\r\n', 'method'],
    ['a method that begins like GET', 'GETS / HTTP/1.1\r\nHost: a\r\n\r\n', 'method'],
    ['an empty line before', '\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n', 'method'],
    ['TLS', '\x16\x03\x01\x02', 'method'],
    ['the absolute form', 'GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n', 'target'],
    ['an asterisk', 'GET * HTTP/1.1\r\nHost: a\r\n\r\n', 'target'],
    ['HTTP/1.0', 'GET / HTTP/1.0\r\nHost: a\r\n\r\n', 'head'],
    ['HTTP/0.9', 'GET /\r\n', 'head'],
    ['two blanks', 'GET /  HTTP/1.1\r\nHost: a\r\n\r\n', 'head'],
    ['a byte above ASCII in the target', 'GET /\xe4 HTTP/1.1\r\nHost: a\r\n\r\n', 'head'],
    ['lines that end in LF', 'GET / HTTP/1.1\nHost: a\n\n', 'head'],
    ['a bare LF between fields', 'GET / HTTP/1.1\r\nHost: a\nAccept: b\r\n\r\n', 'head'],
    ['a bare CR', 'GET / HTTP/1.1\r\nHost: a\r\nAccept: b\rc\r\n\r\n', 'head'],
    ['a folded line', 'GET / HTTP/1.1\r\nHost: a\r\nAccept: b\r\n c\r\n\r\n', 'head'],
    ['a blank before the colon', 'GET / HTTP/1.1\r\nHost : a\r\n\r\n', 'head'],
    ['a line without a name', 'GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n', 'head'],
    ['a line without a colon', 'GET / HTTP/1.1\r\nHost: a\r\nAccept\r\n\r\n', 'head'],
    ['a zero byte', 'GET / HTTP/1.1\r\nHost: a\r\nAccept: \0\r\n\r\n', 'head'],
    ['a byte above ASCII in a value', 'GET / HTTP/1.1\r\nHost: a\r\nAccept: \xe4\r\n\r\n', 'head'],
    ['no Host', 'GET / HTTP/1.1\r\nAccept: b\r\n\r\n', 'head'],
    ['an empty Host', 'GET / HTTP/1.1\r\nHost:\r\n\r\n', 'head'],
    ['two Hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n', 'head'],
    ['a Host with a user', 'GET / HTTP/1.1\r\nHost: u@a\r\n\r\n', 'head'],
    ['a Host with a long port', 'GET / HTTP/1.1\r\nHost: a:123456\r\n\r\n', 'head'],
  ])('hands over %s', (_what, text, reason) => {
    expect(read(text)).toBe(reason);
  });

  it.each([
    ['Cache-Control: no-cache', 'field'],
    ['Cache-Control: max-age=00', 'field'],
    ['Cache-Control: max-age=0\r\nCache-Control: max-age=0', 'field'],
    ['Pragma: no-cache', 'field'],
    ['Authorization: Basic eA==', 'field'],
    ['Content-Length: 0', 'field'],
    ['Transfer-Encoding: chunked', 'field'],
    ['Expect: 100-continue', 'field'],
    ['Upgrade: h2c', 'field'],
    ['Connection: keep-alive, Upgrade', 'field'],
    ['CDN-Loop: a', 'field'],
    ['Oca-Grant: a', 'field'],
    ['X-Anything: a', 'field'],
    ['If-Modified-Since: Sat, 21 Nov 2026 10:00:00 GMT', 'conditional'],
    ['If-Match: "a"', 'conditional'],
    ['If-Unmodified-Since: Sat, 21 Nov 2026 10:00:00 GMT', 'conditional'],
    ['If-None-Match: W/"a"', 'conditional'],
    ['If-None-Match: "a", "b"', 'conditional'],
    ['If-None-Match: *', 'conditional'],
    ['If-Range: Sat, 21 Nov 2026 10:00:00 GMT', 'conditional'],
    ['Range: bytes=0-1,3-4', 'ranges'],
    ['Range: bytes=-', 'ranges'],
    ['Range: bytes=5-4', 'ranges'],
    ['Range: bytes= 0-4', 'ranges'],
    ['Range: items=0-4', 'ranges'],
    ['Range: bytes=0-9999999999999999', 'ranges'],
    ['Range: bytes=0-4\r\nRange: bytes=0-4', 'ranges'],
    ['CMCD-Request: a\r\nCMCD-Request: b', 'field'],
  ])('hands over %j', (line, reason) => {
    expect(read(withFields(line))).toBe(reason);
  });

  it('passes over If-Modified-Since beside If-None-Match', () => {
    expect(read(withFields('If-Modified-Since: whenever', 'If-None-Match: "a"'))).toBe('whole');
  });

  it('takes a hundred fields and no more, and no head over its limit', () => {
    const lines = Array.from({ length: 99 }, () => 'Accept: a');
    expect(read(withFields(...lines))).toBe('whole');
    expect(read(withFields(...lines, 'Accept: a'))).toBe('head');
    const without = withFields('Accept: ').length;
    expect(read(withFields(`Accept: ${'a'.repeat(MAX_HEAD_BYTES - without)}`))).toBe('whole');
    expect(read(withFields(`Accept: ${'a'.repeat(MAX_HEAD_BYTES - without + 1)}`))).toBe('head');
    expect(read('GET /'.padEnd(MAX_HEAD_BYTES - 1, 'a'))).toBe('incomplete');
    expect(read('GET /'.padEnd(MAX_HEAD_BYTES, 'a'))).toBe('head');
  });

  it('finds what is no head as soon as its first line is there, in whatever pieces that comes', () => {
    const bytes = Buffer.from('GET /\r\n');
    const readings: HeadReading[] = [];
    for (let length = 1; length <= bytes.length; length += 1) {
      readings.push(readHead(bytes.subarray(0, length), 0, length, length - 1, head));
    }
    expect(readings).toEqual([...Array.from({ length: 6 }, () => 'incomplete'), 'head']);
  });
});
