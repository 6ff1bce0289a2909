import { z } from 'zod';
import { parseContract } from '../contracts/contract.ts';
import { withAdmin } from './admin-call.ts';
import { Command } from './commander.ts';

const answerSchema = z.object({ token: z.string() });

export function enrolCommand(): Command {
  return new Command('enrol')
    .description(
      'Mint a one-time token by which a service registers its key with the planner or steering. Valid for 24 hours.',
    )
    .argument('<ID>', 'id of the service that will enrol, for example oca-a1')
    .requiredOption('--admin <URL>', 'admin listener of the planner or steering, for example http://127.0.0.1:9081')
    .option('--role <ROLE>', 'appliance, steering or fill-planner', 'appliance')
    .addHelpText(
      'after',
      '\nExample:\n  oca enrol oca-a1 --admin http://127.0.0.1:9081\n  OCA_PLANNER_TOKEN=... oca appliance --id oca-a1 --planner https://planner.example.net ...',
    )
    .action(async (id: string, options: { admin: string; role: string }) => {
      const answer = await withAdmin(options.admin, (admin) =>
        admin.post('/v1/enrolment-tokens', { id, role: options.role }),
      );
      process.stdout.write(`${parseContract('enrolment token', answerSchema, answer).token}\n`);
    });
}
