import { describe, expect, it } from 'vitest';
import { forwardedFields, hopFields } from '../../../src/http/forwarded-fields.ts';
import { decidingFields, isSelected, selectedBy, selectionName } from '../../../src/http/vary.ts';

const request = (fields: Readonly<Record<string, string>>) => (name: string) => fields[name];

describe('what an answer was chosen by (CACHE-15)', () => {
  it('is what Vary names and what goes upstream, or says who somebody is', () => {
    expect(decidingFields(undefined)).toEqual([]);
    expect(decidingFields('Accept-Encoding, Origin, X-Forwarded-For, Range, CMCD-Object')).toEqual([]);
    expect(decidingFields(' accept ,, Cookie,ACCEPT')).toEqual(['accept', 'cookie']);
    expect(decidingFields('Accept, *')).toEqual(['*', 'accept']);
  });

  it('tells values apart, and a missing field from an empty one', () => {
    const values = ['a', 'b', '', undefined];
    const asking = values.map((value) => request(value === undefined ? {} : { 'x-a': value }));
    for (const [place, first] of asking.entries()) {
      const by = selectedBy(['x-a'], first) ?? {};
      expect(asking.map((field) => isSelected(by, field))).toEqual(values.map((_, other) => other === place));
    }
    expect(new Set(asking.map((field) => selectionName(['x-a'], field))).size).toBe(4);
  });

  it.each([
    ['accept-language', 'EN , de;q=0.5', 'en,de; q=0.5', true],
    ['accept-language', 'en,de', 'de,en', false],
    ['x-a', 'a , b', 'a,b', true],
    ['x-a', 'A', 'a', false],
    ['x-a', '"a , b"', '"a,b"', false],
    ['x-a', ' a', 'a ', true],
  ])('takes %s: %s and %s for the same: %s', (name, left, right, isSame) => {
    const [one, two] = [request({ [name]: left }), request({ [name]: right })];
    expect(isSelected(selectedBy([name], one) ?? {}, two)).toBe(isSame);
    expect(selectionName([name], one) === selectionName([name], two)).toBe(isSame);
  });

  it('is nothing to keep when it is a cookie or credentials', () => {
    expect(selectedBy(['cookie'], request({ cookie: 'a=b' }))).toBeUndefined();
    expect(selectedBy(['cookie', 'authorization'], request({}))).toEqual({ cookie: null, authorization: null });
    expect(isSelected({ cookie: null }, request({ cookie: 'a=b' }))).toBe(false);
  });
});

describe('fields that go upstream', () => {
  it('are all but those of the connection, of the hop, and of who somebody is', () => {
    const received = {
      accept: 'video/*',
      authorization: 'Basic eA==',
      connection: 'keep-alive, X-Hop',
      cookie: 'a=b',
      host: 'here',
      origin: 'https://a.example',
      range: 'bytes=0-1',
      'cmcd-request': 'mtp=1',
      'content-type': 'text/plain',
      'x-forwarded-proto': 'https',
      'x-hop': '1',
      'x-http-method-override': 'DELETE',
      'x-list': ['a', 'b'],
    };
    const shared = { accept: 'video/*', 'x-list': 'a, b' };
    expect(forwardedFields(received).shared).toEqual(shared);
    expect(forwardedFields(received).own).toEqual({
      ...shared,
      range: 'bytes=0-1',
      'cmcd-request': 'mtp=1',
      'content-type': 'text/plain',
      'x-http-method-override': 'DELETE',
    });
  });

  it('name all who had the request', () => {
    expect(hopFields({}, 'me')).toEqual({ via: '1.1 me', 'cdn-loop': 'me' });
    const received = { via: ['1.0 a', '1.1 b'], 'cdn-loop': 'c; x=1' };
    expect(hopFields(received, 'me')).toEqual({ via: '1.0 a, 1.1 b, 1.1 me', 'cdn-loop': 'c; x=1, me' });
  });
});
