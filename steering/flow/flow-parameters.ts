import { numberParameter } from '../../src/config/parameter.ts';

/** The knobs of the shares of sites. */
export const flowParameters = {
  flowRoundMs: numberParameter(
    'ms',
    { min: 200, max: 600_000 },
    3000,
    'How often it is looked whether a site would be asked for more than it has, and how long planning the shares may take.',
  ),
  flowKeepMs: numberParameter(
    'ms',
    { min: 0, max: 3_600_000 },
    60_000,
    'How long shares of sites are used after the last time that they could be planned; then nearness decides.',
  ),
  replicas: numberParameter(
    'replicas',
    { min: 1, max: 1000 },
    1,
    'How many steering services the viewers are spread over: each sees its part of the demand and plans for all.',
  ),
};
