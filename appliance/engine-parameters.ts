import { choiceParameter } from '../src/config/parameter.ts';

/** How bytes leave. */
export const engineParameters = {
  engine: choiceParameter(
    ['fast', 'reference'],
    'fast',
    'fast: threads that send from memory by the kernel, one per core, and hand over what is unusual; where that cannot be, or crashed twice within minutes, the log says so and reference serves alone. reference: node:http for everything.',
  ),
  pacing: choiceParameter(
    ['off', 'on'],
    'off',
    'Whether the fast engine sends each answer at a multiple of the bitrate that the player names (CMCD), faster while its buffer is empty: fewer losses in the access network, and no viewer takes more of it than he plays.',
  ),
};
