import type { ServiceClient } from '../client/service-client.ts';
import { withAdmin } from './admin-call.ts';
import { Option } from './commander.ts';

/** The option of every tool that talks to the planner's admin listener. */
export const plannerAdminOption = (): Option =>
  new Option('--planner-admin <URL>', "the planner's admin listener")
    .env('OCA_PLANNER_ADMIN')
    .default('http://127.0.0.1:9081');

/** One question to the planner's admin listener; the answer's body, unchecked. */
export async function askPlanner(baseUrl: string, target: string): Promise<unknown> {
  const answer = await withAdmin(baseUrl, (admin: ServiceClient) => admin.get(target));
  return answer.kind === 'body' ? answer.body : undefined;
}
