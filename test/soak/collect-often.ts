/**
 * Preloaded into every thread by a soak with forced collections (`node --expose-gc --import`): collects garbage, and moves
 * what can be moved, every few turns. A thread that sits in the kernel has no turns of Node's own and runs no timer, but
 * it looks at the clock each time it wakes, so that is where it is done. What holds an address that it should not
 * breaks within seconds.
 */
const MINOR_EVERY = 64;
const MAJOR_EVERY = 4096;
const clock = Date.now.bind(Date);
let looks = 0;

Date.now = () => {
  looks += 1;
  if (looks % MAJOR_EVERY === 0) globalThis.gc?.({ type: 'major', execution: 'sync' });
  else if (looks % MINOR_EVERY === 0) globalThis.gc?.({ type: 'minor', execution: 'sync' });
  return clock();
};
