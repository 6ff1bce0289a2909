import { describe, expect, it } from 'vitest';
import {
  choiceParameter,
  flagParameter,
  hostPortParameter,
  numberParameter,
  ParameterError,
  parseHostPort,
  patternParameter,
  textListParameter,
  textParameter,
  urlParameter,
} from '../../../src/config/parameter.ts';

describe('HOST:PORT', () => {
  it.each([
    ['8080', '::', 8080],
    ['*:8080', '::', 8080],
    [':8080', '::', 8080],
    ['127.0.0.1:0', '127.0.0.1', 0],
    ['[::1]:65535', '::1', 65_535],
    ['localhost:80', 'localhost', 80],
  ])('understands %s', (text, host, port) => {
    expect(parseHostPort(text)).toEqual({ host, port });
  });

  it.each(['', 'host', 'host:', 'host:65536', '::1:80', '[::1]', 'a:b:c', 'http://a:80', 'host:-1', 'host: 80'])(
    'refuses %j',
    (text) => {
      expect(() => parseHostPort(text)).toThrow(ParameterError);
    },
  );

  it('has its default parsed', () => {
    expect(hostPortParameter('127.0.0.1:8080', '').default).toEqual({ host: '127.0.0.1', port: 8080 });
  });
});

describe('a number', () => {
  const row = numberParameter('bytes', { min: 0, max: 2 ** 50 }, 1, '');

  it.each([
    ['0', 0],
    [42, 42],
    ['1.5k', 1500],
    ['2M', 2e6],
    ['3G', 3e9],
    ['1T', 1e12],
    ['4Ki', 4096],
    ['2Mi', 2 ** 21],
    ['1Gi', 2 ** 30],
    ['0.5Ti', 2 ** 39],
  ])('takes %j', (given, expected) => {
    expect(row.parse(given)).toBe(expected);
  });

  it.each(['', 'many', '1 k', '1K', '0x10', '1e3', 'Infinity', 'NaN', '--1', true, {}, [], null])(
    'refuses %j and says which form fits',
    (given) => {
      expect(() => row.parse(given)).toThrow(ParameterError);
    },
  );

  it('refuses what is out of range and says the range', () => {
    expect(() => row.parse('-1')).toThrow('must be 0 to 1125899906842624 bytes, not -1');
    expect(() => row.parse('2000Ti')).toThrow('must be 0 to');
  });
});

describe('other parameters', () => {
  it('a flag takes true, false, 1 and 0, and nothing else', () => {
    const row = flagParameter('');
    expect([true, 'true', '1'].map((given) => row.parse(given))).toEqual([true, true, true]);
    expect([false, 'false', '0'].map((given) => row.parse(given))).toEqual([false, false, false]);
    expect(() => row.parse('yes')).toThrow(ParameterError);
  });

  it('a choice takes its members only and lists them', () => {
    const row = choiceParameter(['a', 'b'], 'a', '');
    expect(row.parse('b')).toBe('b');
    expect(() => row.parse('c')).toThrow("must be one of a, b, not 'c'");
  });

  it('a pattern says in words what fits', () => {
    const row = patternParameter('x', /^[a-z]+$/, 'small letters', '');
    expect(row.parse('abc')).toBe('abc');
    expect(() => row.parse('ABC')).toThrow("must be small letters, not 'ABC'");
  });

  it('a URL loses its trailing slashes, and may be unset', () => {
    const row = urlParameter('');
    expect(row.parse('http://origin.example:8080/base//')).toBe('http://origin.example:8080/base');
    expect(row.parse('')).toBe('');
    for (const wrong of ['origin.example', 'ftp://a', 'http://a/?b', 'http://a/#b', 'http://u:p@a', 5, {}])
      expect(() => row.parse(wrong)).toThrow(ParameterError);
  });

  it('a list takes one text or several, none of them empty', () => {
    const row = textListParameter('DIR', '');
    expect(row.parse('/a')).toEqual(['/a']);
    expect(row.parse(['/a', '/b'])).toEqual(['/a', '/b']);
    expect(() => row.parse(['/a', ''])).toThrow(ParameterError);
    expect(row.repeatable).toBe(true);
  });

  it('a text takes numbers of a file as their text', () => {
    expect(textParameter('', '').parse(5)).toBe('5');
    expect(() => textParameter('', '').parse({})).toThrow(ParameterError);
  });
});
