/** First step of `npm test`: the machine has what the tests need, or the reader learns what is missing. */
import { ensureSystemPackages } from '../../deploy/demo/ensure-system-packages.ts';

const oldestNodeMajor = 24;

async function prepare(): Promise<boolean> {
  if (Number.parseInt(process.versions.node, 10) < oldestNodeMajor) {
    console.error(
      `prepare: Node ${oldestNodeMajor} or newer is needed and this is ${process.versions.node}; ` +
        '`npm ci` brings it on x64 Linux, elsewhere install it and put it on the PATH',
    );
    return false;
  }
  const answer = await ensureSystemPackages(
    ['bindfs', 'bird', 'chromium', 'ffmpeg', 'nginx', 'swift', 'systemd'],
    (line) => console.log(`prepare: ${line}`),
  );
  if (answer.kind === 'ready') return true;
  for (const line of answer.lines) console.error(`prepare: ${line}`);
  return false;
}

process.exitCode = (await prepare()) ? 0 : 1;
