import { expect, test } from 'vitest';
import { crossOriginHeaders, preflightHeaders } from '../../../src/http/cors.ts';

test('CORS-1: every site may read the answer and the fields players need, and nothing varies by Origin', () => {
  expect(crossOriginHeaders).toMatchObject({ 'Access-Control-Allow-Origin': '*', 'Timing-Allow-Origin': '*' });
  const exposed = (crossOriginHeaders['Access-Control-Expose-Headers'] ?? '').split(', ');
  expect(exposed).toEqual(expect.arrayContaining(['Content-Range', 'Content-Length', 'ETag', 'Age', 'Cache-Status']));
  expect(Object.keys(crossOriginHeaders)).not.toContain('Vary');
});

test('CORS-2: a preflight allows reading with ranges, conditions and CMCD headers', () => {
  expect(preflightHeaders).toEqual({
    'Access-Control-Allow-Origin': '*',
    'Access-Control-Allow-Methods': 'GET, HEAD',
    'Access-Control-Allow-Headers':
      'Range, If-Range, If-None-Match, CMCD-Request, CMCD-Object, CMCD-Status, CMCD-Session',
    'Access-Control-Max-Age': '86400',
  });
});
