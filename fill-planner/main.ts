import type { ServiceCommand } from '../src/cli/service-command.ts';
import { PLANNER_PARAMETERS } from './config.ts';
import { createFillPlanner } from './fill-planner.ts';

export const fillPlannerCommand: ServiceCommand<typeof PLANNER_PARAMETERS> = {
  name: 'fill-planner',
  summary: 'Predicts demand and plans which file goes to which appliance, when, and from whom.',
  examples: `Examples:
  oca fill-planner --state /var/lib/oca-planner
  oca fill-planner --state ./planner --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0 --allow-unsigned-loopback
Then: oca fleet set FILE, oca title add DIR, oca plan run, oca plan show`,
  parameters: PLANNER_PARAMETERS,
  create: createFillPlanner,
};
