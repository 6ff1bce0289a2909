import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Worker } from 'node:worker_threads';

/**
 * Work of the service under test that takes as long as the machine likes: its threads (shares of sites, routes) and its
 * questions to the planner. A simulation that is to come out the same each time lets no time pass until they have
 * answered. Each thread answers one message with one.
 */
export class WorkOutside {
  readonly #post: (this: Worker, ...message: Parameters<Worker['postMessage']>) => void;
  #waiting = 0;
  readonly #onAsked = (): void => void (this.#waiting += 1);
  readonly #onAnswered = (): void => void (this.#waiting -= 1);

  /** From here on it is counted; `release` ends that. */
  constructor() {
    const watch = (worker: Worker): void => this.#expect(worker);
    const post = Reflect.get(Worker.prototype, 'postMessage');
    this.#post = post;
    Worker.prototype.postMessage = function postAndWatch(this: Worker, ...message) {
      watch(this);
      post.apply(this, message);
    };
    subscribe('undici:request:create', this.#onAsked);
    for (const end of ENDS) subscribe(end, this.#onAnswered);
  }

  /** Resolves when nothing is waited for. */
  async idle(): Promise<void> {
    while (this.#waiting > 0) {
      while (this.#waiting > 0) await nextTurn();
      // What has just come may ask the next.
      for (let turn = 0; turn < 3; turn += 1) await nextTurn();
    }
  }

  release(): void {
    Worker.prototype.postMessage = this.#post;
    unsubscribe('undici:request:create', this.#onAsked);
    for (const end of ENDS) unsubscribe(end, this.#onAnswered);
  }

  #expect(worker: Worker): void {
    this.#waiting += 1;
    const settle = (): void => {
      worker.off('message', settle).off('exit', settle);
      this.#waiting -= 1;
    };
    worker.on('message', settle).on('exit', settle);
  }
}

const ENDS = ['undici:request:trailers', 'undici:request:error'];
const nextTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
