/** The facts about the tree that the rules judge by. A change of the layout is a change here first. */

export const services: readonly string[] = ['appliance', 'fill-planner', 'steering'];

/** What `src/cli` may start, by dynamic import only. */
export const startableEntries: ReadonlySet<string> = new Set([
  'appliance/main.ts',
  'fill-planner/main.ts',
  'steering/main.ts',
  'steering/policy/check-policy.ts',
  'steering/decision-log/replay-log.ts',
  'bench/main.ts',
  'deploy/demo/main.ts',
]);

/** Folders (ending in a slash) and files that decide and do nothing else: no I/O, no clock, no randomness, no log. */
export const purePaths: readonly string[] = [
  'src/cmcd/',
  'src/hashing/',
  'src/http/',
  'src/memory/',
  'src/resilience/backoff.ts',
  'src/resilience/circuit-breaker.ts',
  'src/resilience/share-budget.ts',
  'src/steering-body/',
  'src/tokens/check-target.ts',
  'src/tokens/judge-claims.ts',
  'src/tokens/token-package.ts',
  'src/tokens/url-scope.ts',
  'appliance/delivery/check-head.ts',
  'appliance/delivery/choose-answer.ts',
  'appliance/delivery/describe-published.ts',
  'appliance/delivery/judge-reuse.ts',
  'appliance/fast-path/answer-on-wire.ts',
  'appliance/fast-path/answers/',
  'appliance/fast-path/head/',
  'appliance/fast-path/messages.ts',
  'appliance/fast-path/request-head.ts',
  'appliance/fast-path/wire-key.ts',
  'appliance/fast-path/wire/pacing.ts',
  'appliance/fast-path/wire/timer-wheel.ts',
  'appliance/fill/choose-source.ts',
  'appliance/memory/content-memory.ts',
  'appliance/memory/published.ts',
  'appliance/memory/tables/',
  'appliance/store/volumes/judge-volume.ts',
  'appliance/store/volumes/operation-window.ts',
  'appliance/fill/origin/read-answer.ts',
  'appliance/fill/origin/variant-list.ts',
  'appliance/fill/pace/coming-windows.ts',
  'appliance/fill/pace/fill-window.ts',
  'appliance/fill/pace/forecast-fill.ts',
  'appliance/fill/pace/measured-rate.ts',
  'appliance/fill/planned/bulk-share.ts',
  'appliance/fill/planned/latency-sketch.ts',
  'appliance/store/object-description.ts',
  'appliance/store/eviction/',
  'appliance/store/scrub/scrub-order.ts',
  'appliance/store/scrub/scrub-pace.ts',
  'appliance/store/scrub/scrub-roster.ts',
  'appliance/purge/purge-rule.ts',
  'appliance/purge/url-pattern.ts',
  'appliance/tokens/judge-closed.ts',
  'appliance/tokens/verified-token.ts',
  'fill-planner/calendar/calendar-facts.ts',
  'fill-planner/savings/month.ts',
  'fill-planner/savings/site-savings.ts',
  'fill-planner/triggers/trigger-status.ts',
  'fill-planner/catalog/measure-rendition.ts',
  'fill-planner/demand/models/',
  'fill-planner/demand/predict/',
  'fill-planner/hold/',
  'fill-planner/placement/',
  'fill-planner/plan/draft-cluster.ts',
  'fill-planner/plan/draft-plan.ts',
  'fill-planner/plan/fleet-inputs.ts',
  'fill-planner/plan/link-fleet.ts',
  'fill-planner/plan/plan-facts.ts',
  'fill-planner/plan/plan-fleet.ts',
  'fill-planner/review/',
  'fill-planner/rollout/cluster-candidates.ts',
  'fill-planner/rollout/contrast-plans.ts',
  'fill-planner/rollout/count-efficiency.ts',
  'fill-planner/rollout/decide-release.ts',
  'fill-planner/rollout/efficiency-test.ts',
  'fill-planner/rollout/fit-disk.ts',
  'fill-planner/rollout/judge-trial.ts',
  'fill-planner/rollout/merge-urgent.ts',
  'fill-planner/schedule/',
  'steering/flow/plan/',
  'steering/flow/share-layout.ts',
  'steering/flow/site-cost.ts',
  'steering/flow/site-shares.ts',
  'steering/edge/forwarded-field.ts',
  'steering/edge/shed/shed-controller.ts',
  'steering/edge/shed/work-class.ts',
  'steering/policy/device-class.ts',
  'steering/policy/sequential-test.ts',
  'steering/quality/judging/',
  'steering/fleet/presence/capacity-state.ts',
  'steering/fleet/presence/leases.ts',
  'steering/ranking/',
];

/** The kernel that pure code may build on. */
export const pureKernel: readonly string[] = [
  'src/cmcd/read-cmcd.ts',
  'src/contracts/',
  'src/hashing/',
  'src/http/',
  'src/memory/',
  'src/tokens/check-target.ts',
  'src/tokens/judge-claims.ts',
];

/** Packages that are pure themselves: text in, values out. */
export const purePackages: ReadonlySet<string> = new Set(['structured-headers']);

/** Packages that any product file may import; every other one has a single wrapper file. */
export const unwrappedPackages: ReadonlySet<string> = new Set(['zod']);

/**
 * The floors of a service, from the top. A file imports its own floor and those below. Folders that are not named
 * stand beside the floors, under the composition root.
 */
const floors: readonly (readonly string[])[] = [
  ['main.ts'],
  ['appliance.ts', 'fill-planner.ts', 'steering.ts'],
  ['api', 'delivery', 'fast-path', 'plan', 'answer'],
  ['fill'],
  ['store', 'memory'],
];

/** The top folder of a path: `appliance`, `src`, `test`, ... */
export function areaOf(filePath: string): string {
  return filePath.split('/')[0] ?? '';
}

export function isProduct(filePath: string): boolean {
  return areaOf(filePath) === 'src' || services.includes(areaOf(filePath));
}

export function isPure(filePath: string): boolean {
  return matchesAny(filePath, purePaths);
}

/** Whether the path is one of the files, or inside one of the folders (those end in a slash). */
export function matchesAny(filePath: string, places: readonly string[]): boolean {
  return places.some((place) => (place.endsWith('/') ? filePath.startsWith(place) : filePath === place));
}

/** 0 for the top floor of a service; undefined for what stands beside the floors or outside the services. */
export function floorOf(filePath: string): number | undefined {
  const [area = '', second = ''] = filePath.split('/');
  if (!services.includes(area)) return undefined;
  const floor = floors.findIndex((places) => places.includes(second));
  return floor === -1 ? undefined : floor;
}

/** The last floor that nothing but `main.ts` may reach up to: the composition root. */
export const compositionRootFloor = 1;
