import { accessSync, constants, readFileSync, writeFileSync } from 'node:fs';

const folderOf = (kib: number): string => `/sys/kernel/mm/transparent_hugepage/hugepages-${kib}kB`;
const switchOf = (kib: number): string => `${folderOf(kib)}/shmem_enabled`;

/** What the kernel gives shared memory of one size of pages, for as long as a test runs; only who asks for them gets any. */
export class PageSwitch implements Disposable {
  readonly #kib: number;
  readonly #before: string | undefined;

  constructor(kib: number, chosen: 'advise' | 'never') {
    this.#kib = kib;
    if (!PageSwitch.mayTurn) return;
    this.#before = /\[(\w+)\]/.exec(readFileSync(switchOf(kib), 'latin1'))?.[1];
    writeFileSync(switchOf(kib), chosen);
  }

  /** Whether this process may, and the kernel has the switch. */
  static get mayTurn(): boolean {
    try {
      accessSync(switchOf(1024), constants.W_OK);
      return true;
    } catch {
      return false;
    }
  }

  /** How many pages of the size the kernel has given to shared memory so far. */
  static given(kib: number): number {
    return Number(readFileSync(`${folderOf(kib)}/stats/shmem_alloc`, 'latin1'));
  }

  [Symbol.dispose](): void {
    if (this.#before !== undefined) writeFileSync(switchOf(this.#kib), this.#before);
  }
}
