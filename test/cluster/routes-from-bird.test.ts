import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FLEET } from '../fill-planner/running-planner.ts';
import { BirdPair } from '../support/bird-pair.ts';
import { mint, operator, RealServices } from './support/real-services.ts';

/**
 * The whole way of an announcement, in real processes: the ISP's router, BIRD beside the appliance, the appliance,
 * steering. The catalogue is a planner's, because without a title there is nothing to steer to.
 */
const MEDIA = resolve(import.meta.dirname, '../../deploy/demo/title/media');
const IN_TIME = { timeout: 45_000, interval: 100 };
const NORTH = '8.20.0.0/16';
const SOUTH = '8.30.0.0/16';
const GRACE_MS = 1500;

let services: RealServices;
let bird: BirdPair;

beforeEach(async () => {
  services = new RealServices('routes');
  bird = await BirdPair.start([NORTH]);
});

afterEach(async () => {
  await bird.end();
  await services.end();
});

interface Explained {
  readonly client: { readonly prefix?: string; readonly siteId?: string; readonly evidence: string };
  readonly places: ReadonlyArray<{ readonly id: string }>;
}

test('a client is where the ISP announces him, as long as the announcement stands and a little longer', async () => {
  const planner = await services.start('fill-planner', { origin: 'http://origin.example' });
  await operator(planner, 'PUT', '/v1/fleet', { version: 1, ...FLEET });
  const title = {
    source: MEDIA,
    id: 'bars',
    name: 'Bars',
    pathPrefix: '/vod/bars',
    originUrl: 'http://origin.example',
  };
  await operator(planner, 'POST', '/v1/titles', title);
  const steering = await services.start(
    'steering',
    { planner: planner.addresses['listen'] ?? '', cataloguePollMs: 100 },
    { OCA_PLANNER_TOKEN: await mint(planner, 'steering', 'steering') },
  );
  const token = { OCA_STEERING_TOKEN: await mint(steering, 'oca-north', 'appliance') };
  const parameters = {
    id: 'oca-north',
    site: 'north',
    origin: 'http://127.0.0.1:9',
    volume: join(services.folder, 'disk'),
    steering: steering.addresses['listen'] ?? '',
    birdSocket: bird.socketFile,
    routesGraceMs: GRACE_MS,
  };
  await services.start('appliance', parameters, token);
  const clientAt = async (address: string): Promise<Explained['client'] | undefined> => {
    const response = await fetch(`${steering.addresses['admin']}/v1/explain?title=bars&client=${address}`);
    return response.ok ? ((await response.json()) as Explained).client : undefined;
  };
  const north = { prefix: NORTH, siteId: 'north', evidence: 'route' };

  await expect.poll(() => clientAt('8.20.1.2'), IN_TIME).toMatchObject(north);
  expect(await clientAt('8.30.1.2')).toMatchObject({ evidence: 'default' });

  // The ISP announces something else from now on.
  await bird.killRouter();
  bird.startRouter([SOUTH]);
  await expect.poll(() => clientAt('8.30.1.2'), IN_TIME).toMatchObject({ ...north, prefix: SOUTH });
  expect(await clientAt('8.20.1.2')).toMatchObject({ evidence: 'default' });

  // The session is lost and does not return.
  await bird.killRouter();
  await expect.poll(() => clientAt('8.30.1.2'), IN_TIME).toMatchObject({ evidence: 'default' });
});
