import type { Drill } from './drill.ts';
import { clientDrills } from './faults/client-drills.ts';
import { diskDrills } from './faults/disk-drills.ts';
import { hangingDisk } from './faults/hanging-disk-drill.ts';
import { killDrills } from './faults/kill-drills.ts';
import { originDrills } from './faults/origin-drills.ts';
import { peerDrills } from './faults/peer-drills.ts';

/** What `npm run drill -- appliance` runs, in this order. */
export const applianceDrills: readonly Drill[] = [
  ...originDrills,
  ...peerDrills,
  ...clientDrills,
  ...diskDrills,
  hangingDisk,
  ...killDrills,
];
