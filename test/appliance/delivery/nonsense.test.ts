import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../support/until.ts';
import { type ApplianceRig, startAppliance } from '../support/appliance-rig.ts';

/** Both ends of a connection are in this process. */
const openSockets = (): number => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;

describe('a client that sends nonsense', () => {
  let rig: ApplianceRig;

  beforeEach(async () => {
    rig = await startAppliance({ flags: { headTimeoutMs: 200 } });
  });

  afterEach(() => rig.stop());

  it.each([
    ['what is no HTTP', '\u0016\u0003\u0001 hello\r\n\r\n', '400'],
    ['a head that never ends', 'GET / HT', '408'],
    ['nothing at all', '', '408'],
    ['a body that never comes', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n', '405'],
  ])('is answered and let go of, though it never closes its side: %s', async (_, text, status) => {
    const { hostname, port } = new URL(rig.url);
    const before = openSockets();
    // allowHalfOpen: it hears that nothing more comes, and keeps its own side open.
    const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
    let heard = '';
    socket.on('data', (piece) => {
      heard += piece.toString('latin1');
    });
    const ended = new Promise((resolve) => socket.once('end', resolve));
    socket.write(text);
    await ended;
    expect(heard).toContain(`HTTP/1.1 ${status} `);
    await until(() => openSockets() === before + 1);
    socket.destroy();
  });
});
