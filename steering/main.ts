import type { ServiceCommand } from '../src/cli/service-command.ts';
import { STEERING_PARAMETERS } from './config.ts';
import { SteeringService } from './steering.ts';

export const steeringCommand: ServiceCommand<typeof STEERING_PARAMETERS> = {
  name: 'steering',
  summary: 'Give players ranked appliance URLs, and manifests with content steering in them.',
  examples: [
    'Examples:',
    '  oca steering --planner http://127.0.0.1:9080 --prefixes prefixes.csv --state /var/lib/oca-steering',
    '  curl "http://127.0.0.1:9090/v1/steer?title=bars"',
    '  curl "http://127.0.0.1:9091/v1/explain?title=bars&client=203.0.113.7"',
  ].join('\n'),
  parameters: STEERING_PARAMETERS,
  create: (config, context) => new SteeringService(config, context),
};
