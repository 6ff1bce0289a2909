import { choiceParameter, flagParameter, numberParameter } from '../../src/config/parameter.ts';

/** The knobs of signed URLs. */
export const tokenParameters = {
  signUrls: choiceParameter(
    ['off', 'title', 'session'],
    'off',
    'Whether URLs in answers are signed (RFC 9246), and whether those who begin a title together share a token or each session has its own. A token of its own tells whose a leaked link was, and costs a signature per answer here and a check at the appliance.',
  ),
  signOriginUrls: flagParameter(
    'Whether URLs of the origin carry the token as well. Only where the origin knows how to take it out of the path: any other answers 404.',
  ),
  tokenDurationFactor: numberParameter(
    'times',
    { min: 1, max: 100 },
    3,
    'How many times the duration of its title a token lasts: who pauses longer has to begin anew.',
  ),
  minTokenSec: numberParameter('s', { min: 10, max: 86_400 }, 600, 'Shortest life of a token, for short titles.'),
  maxTokenSec: numberParameter('s', { min: 10, max: 604_800 }, 43_200, 'Longest life of a token, for long ones.'),
  tokenRotateSec: numberParameter(
    's',
    { min: 10, max: 31_536_000 },
    86_400,
    'How long one key signs. What it signed counts until it ends; nobody is cut.',
  ),
};
