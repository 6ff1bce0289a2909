import type { ServiceCommand } from '../src/cli/service-command.ts';
import { createAppliance } from './appliance.ts';
import { applianceParameters } from './config.ts';

/** `oca appliance`: serves files from local disks, filled by plan or on demand. */
export const applianceCommand: ServiceCommand<typeof applianceParameters> = {
  name: 'appliance',
  summary: 'Serve files from local disks, filled from peers or an origin.',
  examples: [
    'A byte-range cache in front of any HTTP origin:',
    '  oca appliance --listen 127.0.0.1:8080 --origin http://127.0.0.1:9000 --volume /srv/oca/disk1',
    'As part of a fleet (tokens from `oca enrol` in OCA_PLANNER_TOKEN and OCA_STEERING_TOKEN):',
    '  oca appliance --id north-1 --site north --cluster north --origin https://media.example --volume /srv/oca/disk1 \\',
    '    --planner https://planner.example --steering https://steer.example --public-url https://north-1.cdn.example',
  ].join('\n'),
  parameters: applianceParameters,
  create: (config, context) => createAppliance(config, context),
};
