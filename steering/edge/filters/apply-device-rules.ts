import type { PolicyKeeper } from '../../policy/policy-keeper.ts';
import type { EdgeFilter } from '../edge-question.ts';

/** Finds the operator's rule for the device that asks. What it means for an answer is said in answer-shape.ts. */
export function applyDeviceRules(keeper: Pick<PolicyKeeper, 'devices'>): EdgeFilter {
  return {
    name: 'device',
    does: "the policy's rule for this kind of device: fewer pathways, no steering, another TTL",
    shapes: true,
    apply: (question) => {
      const device = keeper.devices.find(question.headers['user-agent'], question.query);
      return device === undefined ? question : { ...question, device };
    },
  };
}
