/**
 * A wire thread in a process that may have few descriptors. Says its port; on a line of input it takes all descriptors
 * there are, on the next one it gives them back, and says what was done.
 */
import { closeSync, openSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { WireRig } from './wire-rig.ts';

const rig = await WireRig.start();
await rig.hold('/small', Buffer.alloc(5000, 1));
const say = (text: string): boolean => process.stdout.write(`${text}\n`);
say(String(rig.port));

let taken: number[] = [];
for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'take') {
    for (;;) {
      try {
        taken.push(openSync('/dev/null', 'r'));
      } catch {
        break;
      }
    }
    say('taken');
  } else if (line === 'give') {
    for (const fd of taken) closeSync(fd);
    taken = [];
    say('given');
  } else if (line === 'exhausted') say(String(rig.said.filter(({ kind }) => kind === 'exhausted').length));
}
process.exit();
