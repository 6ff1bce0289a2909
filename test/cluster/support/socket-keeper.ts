import { type Libc, loadLibc } from '../../../appliance/kernel/libc.ts';

/**
 * Stands where systemd does with a socket unit: has a listening socket and accepts nobody, so that connections wait in
 * it while one process follows the other.
 */
export class SocketKeeper implements Disposable {
  readonly fd: number;
  readonly port: number;
  readonly #libc: Libc;

  constructor() {
    const load = loadLibc();
    if (load.kind === 'missing') throw new Error(load.because);
    this.#libc = load.libc;
    this.fd = this.#libc.socket('IPv4');
    this.#libc.bind(this.fd, { address: '127.0.0.1', port: 0 });
    this.#libc.listen(this.fd, 4096);
    this.port = this.#libc.localAddress(this.fd).port;
  }

  [Symbol.dispose](): void {
    this.#libc.close(this.fd);
  }
}
