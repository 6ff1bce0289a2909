import { numberParameter } from '../../src/config/parameter.ts';

/** The knobs of the decision log. */
export const recordParameters = {
  decisionLogBytes: numberParameter(
    'bytes',
    { min: 0, max: 2 ** 40 },
    256 * 2 ** 20,
    "Most that the decision log takes in the folder 'decisions' of the state; the oldest goes first. 0 keeps none.",
  ),
  decisionLogPerSec: numberParameter(
    '1/s',
    { min: 1, max: 100_000 },
    100,
    'About how many decisions a second are logged: above it some sessions are logged whole and the others not.',
  ),
};
