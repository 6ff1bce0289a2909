import { withAdmin } from './admin-call.ts';
import { Option } from './commander.ts';

/** The option of every tool that talks to steering's admin listener. */
export const steeringAdminOption = (): Option =>
  new Option('--steering-admin <URL>', "steering's admin listener")
    .env('OCA_STEERING_ADMIN')
    .default('http://127.0.0.1:9091');

/** One question to steering's admin listener; the answer's body, unchecked. */
export async function askSteering(baseUrl: string, target: string): Promise<unknown> {
  const answer = await withAdmin(baseUrl, (admin) => admin.get(target));
  return answer.kind === 'body' ? answer.body : undefined;
}
