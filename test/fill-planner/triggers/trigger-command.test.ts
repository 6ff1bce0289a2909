import { describe, expect, test } from 'vitest';
import { parseTriggerCommand } from '../../../fill-planner/triggers/trigger-command.ts';

const OURS = 'AS64496:0';
const parse = (trigger: object) => parseTriggerCommand({ trigger, 'cdn-path': ['AS64500:1'] }, OURS);

test('a command of the RFC is read: URLs without scheme and host, patterns, titles; what is unknown in it is kept', () => {
  const trigger = {
    type: 'purge',
    'content.urls': ['https://www.example.com/a/b?c=1', 'http://other.example/%7euser', '/plain'],
    'content.patterns': [
      { pattern: 'https://www.example.com/videos/*', 'case-sensitive': true },
      { pattern: '*.m4s', 'match-query-string': true },
    ],
    'content.ccid': ['film'],
    'x-future': { kept: true },
  };
  const parsed = parse(trigger);
  expect(parsed).toMatchObject({
    kind: 'trigger',
    specification: trigger,
    command: {
      type: 'purge',
      urls: [{ path: '/a/b?c=1' }, { path: '/~user' }, { path: '/plain' }],
      patterns: [
        { pattern: '/videos/*', caseSensitive: true, matchQueryString: false },
        { pattern: '/*.m4s', caseSensitive: false, matchQueryString: true },
      ],
      ccids: ['film'],
    },
  });
});

test('a cancellation names triggers by their URLs', () => {
  const body = { cancel: ['https://us.example/triggers/abc', '/triggers/def'], 'cdn-path': ['AS64500:1'] };
  expect(parseTriggerCommand(body, OURS)).toEqual({ kind: 'cancel', triggerIds: ['abc', 'def'] });
});

describe('no commands', () => {
  test.each([
    [{ trigger: { type: 'purge', 'content.urls': ['/a'] } }, /cdn-path/],
    [{ trigger: { type: 'purge', 'content.urls': ['/a'] }, 'cdn-path': [] }, /cdn-path/],
    [{ 'cdn-path': ['AS1:0'] }, /trigger or cancel/],
    [{ trigger: { type: 'purge' }, 'cdn-path': ['AS1:0'] }, /must name something/],
    [{ trigger: { type: 'purge', 'content.urls': ['ftp://x/y'] }, 'cdn-path': ['AS1:0'] }, /content\.urls\.0: must be/],
    [{ trigger: { type: 'purge', 'content.urls': ['/a/../b'] }, 'cdn-path': ['AS1:0'] }, /content\.urls\.0: must be/],
    [
      { trigger: { type: 'preposition', 'content.patterns': [{ pattern: '/a*' }] }, 'cdn-path': ['AS1:0'] },
      /patterns are for invalidate and purge/,
    ],
    [
      { trigger: { type: 'purge', 'content.urls': ['/a'] }, 'cdn-path': ['AS1:0', OURS] },
      /has passed AS64496:0 already/,
    ],
  ])('%j is refused', (body, says) => {
    expect(() => parseTriggerCommand(body, OURS)).toThrow(says);
  });
});

test('what cannot be done here fails with the error of the RFC', () => {
  expect(parse({ type: 'warm-up', 'content.urls': ['/a'] })).toMatchObject({
    kind: 'failed',
    errors: [{ error: 'eunsupported', 'content.urls': ['/a'] }],
  });
  expect(parse({ type: 'preposition', 'metadata.urls': ['/m'], 'content.urls': ['/a'] })).toMatchObject({
    kind: 'failed',
    errors: [{ error: 'emeta' }],
  });
});

test('of metadata there is nothing to purge, which is no error', () => {
  expect(parse({ type: 'purge', 'metadata.urls': ['https://m.example/host'] })).toMatchObject({
    kind: 'trigger',
    command: { hasContent: false },
  });
});
