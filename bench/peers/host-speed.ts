/**
 * How fast the host is at this moment: processor time of a fixed piece of work, in milliseconds. A virtual machine's core
 * may give half as much from one minute to the next, and all that was measured across such a change is worth nothing.
 */
const STEPS = 20_000_000;

export function hostSpeedMs(): number {
  const before = process.threadCpuUsage();
  let state = 1;
  for (let step = 0; step < STEPS; step += 1) state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
  const { user, system } = process.threadCpuUsage(before);
  // So that the loop has a result that somebody needs.
  return (user + system) / 1000 + (state === 0 ? 1e-9 : 0);
}
