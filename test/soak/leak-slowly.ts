/**
 * Preloaded by a soak that has to find a leak (`--planted-leak`): the appliance keeps a little of every request that the
 * reference engine answers, for good, as a table does from which nobody removes what has ended.
 */
import { subscribe } from 'node:diagnostics_channel';

/** With the load of the soak some 60 MiB for every GB served. */
const KEPT_BYTES = 64 * 1024;
const kept: Buffer[] = [];

subscribe('http.server.response.finish', () => {
  kept.push(Buffer.alloc(KEPT_BYTES, 1));
});
