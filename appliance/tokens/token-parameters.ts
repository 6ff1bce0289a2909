import { choiceParameter, textListParameter } from '../../src/config/parameter.ts';

/** The knobs of signed URLs. */
export const tokenParameters = {
  tokens: choiceParameter(
    ['off', 'accept', 'require'],
    'off',
    'What a token in a URL (RFC 9246) means here. off: nothing, it is part of the path. accept: it is taken out and checked, and whoever has none or a bad one is served as well and counted. require: he gets 403. Where steering signs URLs, set it to accept everywhere first.',
  ),
  tokenPrefixes: textListParameter(
    'PATH',
    'Beginning of the paths that need a token; give one for each. None: all paths do.',
  ),
};
