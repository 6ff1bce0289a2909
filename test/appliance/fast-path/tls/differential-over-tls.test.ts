import { type AddressInfo, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ApplianceRig, startAppliance } from '../../support/appliance-rig.ts';
import { GatedOrigin } from '../../support/gated-origin.ts';
import { ask } from '../../support/http-client.ts';
import { difference } from '../differential/compare.ts';
import { fillOrigin, PATHS } from '../differential/contents.ts';
import { converse } from '../differential/converse.ts';
import { Dice } from '../differential/dice.ts';
import { makeScript, type Script } from '../differential/generate.ts';

const TLS = join(import.meta.dirname, '../../../support/tls');
const SEED = Number(process.env['DIFFERENTIAL_SEED'] ?? 1);
/** The engines are compared by thousands without TLS; here it is what is between them and the client. */
const SCRIPTS = Number(process.env['DIFFERENTIAL_TLS_SCRIPTS'] ?? 250);
const AT_ONCE = 8;

/** Puts TLS around what is said to it. @returns the port to say it to */
async function withTls(bridge: Server, { url }: ApplianceRig): Promise<number> {
  bridge.on('connection', (client) => {
    const server = connect({ host: '127.0.0.1', port: Number(new URL(url).port), rejectUnauthorized: false });
    client.pipe(server).pipe(client);
    client.on('error', () => server.destroy());
    client.on('close', () => server.destroySoon());
    // A reset is passed on as one: what came before it may be lost.
    server.on('error', () => client.resetAndDestroy());
    server.on('close', () => client.destroySoon());
  });
  await new Promise<void>((resolve) => bridge.listen(0, '127.0.0.1', resolve));
  return (bridge.address() as AddressInfo).port;
}

describe('over TLS the threads and node:https', () => {
  const bridges = [createServer({ noDelay: true }), createServer({ noDelay: true })] as const;
  let origin: GatedOrigin;
  let rigs: readonly [ApplianceRig, ApplianceRig];
  let ports: readonly [number, number];

  beforeAll(async () => {
    origin = await GatedOrigin.start();
    fillOrigin(origin);
    const [tlsCert, tlsKey] = [join(TLS, 'test-only-cert.pem'), join(TLS, 'test-only-key.pem')];
    const start = (engine: string): Promise<ApplianceRig> =>
      startAppliance({ origin, flags: { engine, tlsCert, tlsKey, maxConnectionsPerAddress: 1000, steering: '' } });
    rigs = [await start('fast'), await start('reference')];
    for (const { url } of rigs) for (const path of [...PATHS, ...PATHS]) await ask(url + path, { insecure: true });
    ports = [await withTls(bridges[0], rigs[0]), await withTls(bridges[1], rigs[1])];
  });
  afterAll(async () => {
    for (const bridge of bridges) bridge.close();
    for (const rig of rigs) await rig.stop();
    await origin.stop();
  });

  const compared = async (script: Script): Promise<string | undefined> => {
    const beganAtMs = performance.now();
    const [left, right] = await Promise.all([converse(ports[0], script), converse(ports[1], script)]);
    return difference(left, right, performance.now() - beganAtMs);
  };

  test('give the same answers to whatever they are sent', async () => {
    const dice = new Dice(SEED);
    let done = 0;
    const failures: string[] = [];
    const work = async (): Promise<void> => {
      while (done < SCRIPTS && failures.length === 0) {
        done += 1;
        const number = done;
        const script = makeScript(dice);
        const says = await compared(script);
        if (says !== undefined) failures.push(`seed ${SEED}, script ${number}: ${JSON.stringify(script)}\n${says}`);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    expect(failures).toEqual([]);
    const { requests } = await engineOf(rigs[0]);
    expect(requests).toBeGreaterThan(SCRIPTS);
  }, 120_000);
});

async function engineOf(rig: ApplianceRig): Promise<{ readonly requests: number }> {
  const state = (await (await fetch(`${rig.adminUrl}/v1/state`)).json()) as { engine: { requests: number } };
  return state.engine;
}
