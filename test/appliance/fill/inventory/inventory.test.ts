import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InventoryAsker } from '../../../../appliance/fill/inventory/ask-inventories.ts';
import { InventoryTeller } from '../../../../appliance/fill/inventory/tell-inventory.ts';
import { HttpClient } from '../../../../src/client/http-client.ts';
import type { FillPlan, FillPlanFile, FillPlanSource } from '../../../../src/contracts/fill-plan.ts';
import { decodeRoots, encodeRoots, parseInventory } from '../../../../src/contracts/inventory.ts';
import { silentLogger } from '../../../../src/telemetry/logger.ts';
import { FakeStore } from '../../../support/fake-store.ts';
import { FakeWorld } from '../../../support/fake-world.ts';
import { originSource, peerSource } from '../../../support/sample-plan.ts';

const MIB = 2 ** 20;
const rootOf = (path: string): string => Buffer.from(path.slice(1)).toString('hex').padEnd(64, '0');
const file = (path: string, sources: FillPlanSource[] = [originSource]): FillPlanFile => ({
  path,
  sizeBytes: 2 * MIB,
  root: rootOf(path),
  rendition: 0,
  priority: 0,
  reason: '',
  expectedBytes: 0,
  sources,
});
const planOf = (...files: FillPlanFile[]): FillPlan => ({
  version: 1,
  planVersion: 1,
  applianceId: 'a1',
  createdAtMs: 0,
  renditions: ['t/r'],
  windows: [],
  files,
  keyId: 'k',
  signature: '',
});

describe('what an appliance tells others', () => {
  it('is what it holds of its plan, whole files and bytes', () => {
    const store = new FakeStore();
    store.put('/held', rootOf('/held'), 2 * MIB);
    store.put('/part', rootOf('/part'), 2 * MIB, [1]);
    const plan = planOf(file('/held'), file('/part'), file('/none'));
    const teller = new InventoryTeller({ applianceId: 'a1', plan: () => plan, store, clock: new FakeWorld().clock });
    const { applianceId, heldBytes, roots } = parseInventory(JSON.parse(String(teller.answer('10.0.0.1'))));
    expect([applianceId, heldBytes]).toEqual(['a1', 3 * MIB]);
    expect(['/held', '/part', '/none'].map(rootOf).map(decodeRoots(roots))).toEqual([true, false, false]);
  });

  it('is nothing without a plan, looked up every two seconds at most, and refused beyond some tens a second', async () => {
    const { clock } = new FakeWorld();
    const store = new FakeStore();
    const plans: FillPlan[] = [];
    const teller = new InventoryTeller({ applianceId: 'a1', plan: () => plans[0], store, clock });
    expect(teller.answer('10.0.0.1')).toBeUndefined();
    plans.push(planOf(file('/held')));
    const first = teller.answer('10.0.0.1');
    store.put('/held', rootOf('/held'), 2 * MIB);
    await clock.advance(1900);
    expect(teller.answer('10.0.0.1')).toBe(first);
    await clock.advance(200);
    expect(teller.answer('10.0.0.1')).not.toEqual(first);
    const answers = Array.from({ length: 60 }, () => teller.answer('10.0.0.1'));
    expect(answers.filter((answer) => answer === 'busy').length).toBeGreaterThanOrEqual(20);
    await clock.advance(1000);
    expect(teller.answer('10.0.0.1')).not.toBe('busy');
  });

  it('is told to other appliances while a stranger asks as often as he can', async () => {
    const { clock } = new FakeWorld();
    const plan = planOf(file('/held'));
    const teller = new InventoryTeller({ applianceId: 'a1', plan: () => plan, store: new FakeStore(), clock });
    for (let second = 0; second < 20; second += 1) {
      for (let index = 0; index < 100; index += 1) teller.answer('203.0.113.9');
      expect(teller.answer('10.0.0.2')).not.toBe('busy');
      await clock.advance(1000);
    }
    // More addresses than it knows at one time are no way around the limit of all.
    const answers = Array.from({ length: 3000 }, (_, index) => teller.answer(`2001:db8::${index}`));
    expect(answers.filter((answer) => answer !== 'busy').length).toBeLessThanOrEqual(40);
  });
});

describe('what an appliance hears of others', () => {
  let world: FakeWorld;
  let http: HttpClient;
  let asker: InventoryAsker;
  let server: Server;
  let url: string;
  let asked: IncomingMessage[];
  let answer: (response: ServerResponse) => void;
  let plan: FillPlan;
  let isAway: boolean;
  let isFilling: boolean;
  let gotOn: string[];

  beforeEach(async () => {
    world = new FakeWorld();
    http = new HttpClient({ connectTimeoutMs: 1000, maxConnectionsPerHost: 4 });
    asked = [];
    gotOn = [];
    [isAway, isFilling] = [true, true];
    tell(['/film'], 0);
    server = createServer((request, response) => {
      asked.push(request);
      answer(response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    plan = planOf(
      file('/film', [peerSource('gone'), originSource]),
      file('/other', [{ ...peerSource('p1'), baseUrl: url }]),
    );
    asker = new InventoryAsker({
      applianceId: 'a1',
      plan: () => plan,
      isFilling: () => isFilling,
      isPlannerAway: () => isAway,
      onGotOn: (id) => gotOn.push(id),
      grant: () => 'a grant',
      http,
      world,
      logger: silentLogger,
    });
  });
  afterEach(async () => {
    const stopped = asker.stop(100);
    await world.clock.advance(100);
    await stopped;
    await http.destroy();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  function tell(paths: readonly string[], heldBytes: number): void {
    const body = { version: 1, applianceId: 'p1', heldBytes, roots: encodeRoots(paths.map(rootOf)) };
    answer = (response) => void response.end(JSON.stringify(body));
  }
  const hears = (condition: () => boolean): Promise<void> => world.clock.advanceUntil(condition, { stepMs: 500 });
  const sourcesOf = (path: string): string[] =>
    asker.sourcesOf(plan.files.find((each) => each.path === path)!).map(({ id }) => id);

  it('lets it ask who says that he holds a file, before all others, while the planner is away', async () => {
    await asker.start();
    await hears(() => sourcesOf('/film').length === 3);
    expect(sourcesOf('/film')).toEqual(['p1', 'gone', 'origin']);
    expect(asker.sourcesOf(plan.files[0]!)[0]).toEqual({ kind: 'peer', id: 'p1', baseUrl: url, afterSec: 0 });
    isAway = false;
    expect(sourcesOf('/film')).toEqual(['gone', 'origin']);
  });

  it('shows who gets on: who holds more than before', async () => {
    await asker.start();
    await hears(() => asked.length >= 2);
    expect(gotOn).toEqual([]);
    tell(['/film'], 5 * MIB);
    await hears(() => gotOn.length > 0);
    expect(gotOn).toEqual(['p1']);
  });

  it('is asked for by name, with a grant, and only while something is missing', async () => {
    isFilling = false;
    await asker.start();
    await world.clock.advance(60_000);
    expect(asked).toEqual([]);
    isFilling = true;
    await hears(() => asked.length > 0);
    expect(asked[0]).toMatchObject({ url: '/v1/inventory', headers: { 'oca-grant': 'a grant', via: '1.1 a1' } });
  });

  it.each<[string, (response: ServerResponse) => void]>([
    ['no JSON', (response) => void response.end('{')],
    ['something else', (response) => void response.end('{"version":2}')],
    ['a failure', (response) => void response.writeHead(503).end()],
    ['more than an inventory', (response) => void response.end('x'.repeat(9 * MIB))],
    ['nothing to the end', (response) => void response.socket?.destroy()],
  ])('changes nothing when the answer is %s', async (_what, broken) => {
    await asker.start();
    await hears(() => sourcesOf('/film').length === 3);
    answer = broken;
    await hears(() => sourcesOf('/film').length === 2);
    expect(sourcesOf('/film')).toEqual(['gone', 'origin']);
    tell(['/film'], 0);
    await hears(() => sourcesOf('/film').length === 3);
  });
});
