import type { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../../src/world/world.ts';
import type { Wish } from '../model/judge.ts';
import { view } from '../model/viewer.ts';
import { drawWish, pick } from '../model/wishes.ts';
import { POPULAR, pickPaths, RARE } from './library.ts';
import { type RawAnswer, RawConnection } from './raw-connection.ts';
import type { SoakScene } from './soak-scene.ts';

const MIB = 2 ** 20;
const MOST_PIPELINED = 8;
/** Slower than the pieces that a server gives at a time, faster than the slowest that it puts up with. */
const SLOW_PAUSE_MS = 40;
const SLOW_STEP_BYTES = 96 * 1024;
const PATIENCE_MS = 60_000;

/** One thing that one viewer does. Each judges every byte that it gets. */
export async function doSomething(scene: SoakScene, random: Random, agent: Agent): Promise<void> {
  const deed = random.next();
  if (deed < 0.64) return ask(scene, random, agent);
  if (deed < 0.8) return inTime(scene, 'pipelined requests', pipeline(scene, random));
  if (deed < 0.97) return inTime(scene, 'a request that is broken off', breakOff(scene, random));
  return inTime(scene, 'a slow reader', readSlowly(scene, random));
}

/** Opens a connection, asks now and then, and otherwise does nothing with it, until the soak ends. */
export async function idle(scene: SoakScene, random: Random): Promise<void> {
  while (!scene.isOver) {
    await scene.running();
    const connection = new RawConnection(scene.url);
    while (!scene.isOver && !connection.isOver) {
      await inTime(scene, 'an idle connection', askOnce(scene, random, connection));
      const untilMs = performance.now() + 2000 + random.next() * 18_000;
      while (!scene.isOver && !connection.isOver && performance.now() < untilMs) await sleep(500);
    }
    connection.close('close');
  }
}

async function ask(scene: SoakScene, random: Random, agent: Agent): Promise<void> {
  const wish = drawWish(random, scene.truth, pickPaths(random), true);
  const judged = scene.begin(wish);
  const seen = await view(scene.url, wish, agent);
  if (seen.end === 'complete') judged.whole(seen.answer);
  else if (seen.end === 'cut') judged.cut(seen.how);
  else scene.count('left after the head');
}

async function pipeline(scene: SoakScene, random: Random): Promise<void> {
  const connection = new RawConnection(scene.url);
  const wishes = Array.from({ length: 2 + Math.floor(random.next() * (MOST_PIPELINED - 1)) }, () =>
    simpleWish(scene, random),
  );
  const judged = wishes.map((wish) => scene.begin(wish));
  const text = wishes.map(requestText).join('');
  // In two pieces that end anywhere, as a network delivers them.
  const middle = Math.floor(random.next() * text.length);
  connection.write(text.slice(0, middle));
  await sleep(random.next() < 0.3 ? 5 : 0);
  connection.write(text.slice(middle));
  for (const [index, wish] of wishes.entries()) {
    const answer = await connection.answer(wish.method);
    if (answer === undefined || answer.end === 'cut') {
      judged[index]?.cut(`pipelined as ${index + 1} of ${wishes.length}, ${howFar(answer)}`);
      break;
    }
    judged[index]?.whole(answer);
  }
  connection.close('close');
  scene.count('pipelined');
}

/** Goes in the middle of a body, once in order and once with a reset. What came until then is judged. */
async function breakOff(scene: SoakScene, random: Random): Promise<void> {
  const connection = new RawConnection(scene.url);
  const { path } = pick(random, random.next() < 0.7 ? POPULAR : RARE);
  const wish: Wish = { method: 'GET', path, headers: {}, leaves: true };
  const judged = scene.begin(wish);
  connection.write(requestText(wish));
  if (random.next() < 0.2) await sleep(random.next() * 20);
  else {
    const answer = await connection.answer('GET', Math.floor(random.next() * 2 * MIB));
    if (answer !== undefined) judged.part(answer);
  }
  connection.close(random.next() < 0.5 ? 'close' : 'reset');
  scene.count('broken off');
}

async function readSlowly(scene: SoakScene, random: Random): Promise<void> {
  const connection = new RawConnection(scene.url);
  const wish: Wish = { method: 'GET', path: pick(random, POPULAR).path, headers: {}, leaves: false };
  const judged = scene.begin(wish);
  connection.write(requestText(wish));
  let pausedAtBytes = 0;
  const answer = await connection.answer('GET', Number.POSITIVE_INFINITY, async (bytes) => {
    if (bytes - pausedAtBytes < SLOW_STEP_BYTES) return;
    pausedAtBytes = bytes;
    connection.pause();
    await sleep(SLOW_PAUSE_MS);
    connection.resume();
  });
  connection.close('close');
  if (answer === undefined || answer.end === 'cut') judged.cut(`read slowly, ${howFar(answer)}`);
  else judged.whole(answer);
  scene.count('read slowly');
}

async function askOnce(scene: SoakScene, random: Random, connection: RawConnection): Promise<void> {
  const wish = simpleWish(scene, random);
  const judged = scene.begin(wish);
  connection.write(requestText(wish));
  const answer = await connection.answer(wish.method);
  // Nobody may reuse a connection without the other side's leave to close it at that moment.
  if (answer === undefined) return;
  if (answer.end === 'cut') judged.cut(`on a connection that idled, ${howFar(answer)}`);
  else judged.whole(answer);
}

/** One range, as players ask. */
function simpleWish(scene: SoakScene, random: Random): Wish {
  const { path } = pick(random, random.next() < 0.85 ? POPULAR : RARE);
  const size = scene.truth.current(path).bytes?.length ?? 1;
  const first = Math.floor(random.next() * size);
  const last = first + Math.floor(random.next() * 65_536);
  const method = random.next() < 0.1 ? 'HEAD' : 'GET';
  return { method, path, headers: { range: `bytes=${first}-${last}` }, leaves: false };
}

function howFar(answer: RawAnswer | undefined): string {
  if (answer === undefined) return 'before the head';
  return `${answer.status} and ${answer.body.length} of ${answer.headers['content-length']} bytes`;
}

function requestText({ method, path, headers }: Wish): string {
  const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\nHost: soak.example\r\nUser-Agent: soak\r\nAccept: */*\r\n${fields.join('')}\r\n`;
}

async function inTime(scene: SoakScene, what: string, task: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      scene.wrong(`${what}: no end within ${PATIENCE_MS / 1000} s`);
      resolve();
    }, PATIENCE_MS);
  });
  await Promise.race([task, late]).finally(() => clearTimeout(timer));
}
