import { type Answered, judge, type Wish } from '../model/judge.ts';
import type { Truth } from '../model/truth.ts';
import { describeGenerations, partComplaintOf } from './judge-answer.ts';
import type { RawAnswer } from './raw-connection.ts';

const MOST_COMPLAINTS = 50;
/** Of a change of a path: a body under way may need a block of what the origin has no longer, and ends. */
const CHANGE_SLACK_MS = 3000;

/** Judges the answer to one request. One of these is called, or none when the viewer left. */
export interface JudgedRequest {
  whole(answer: Answered): void;
  part(answer: RawAnswer): void;
  /** The connection ended before the answer did. @param how it came, for who looks for the cause */
  cut(how: string): void;
}

/** What viewers, deeds and the judge share: where the appliance is, what the origin has, what was seen. */
export class SoakScene {
  readonly truth: Truth;
  url = '';
  isOver = false;
  servedBytes = 0;
  readonly counts = new Map<string, number>();
  readonly complaints: string[] = [];
  /** Counts ends and starts of the appliance: what spans one may be cut. */
  #epoch = 0;
  #restart: Promise<void> | undefined;
  /** When a path last changed, or was purged with its bodies cut; on `performance.now()`. */
  readonly #disturbedAtMs = new Map<string, number>();

  constructor(truth: Truth) {
    this.truth = truth;
  }

  /** Resolves when the appliance runs. */
  async running(): Promise<void> {
    await this.#restart;
  }

  /** Carries out an end and a start. Requests that were begun before are excused. */
  async restart(task: () => Promise<void>): Promise<void> {
    this.#epoch += 1;
    this.#restart = task();
    await this.#restart;
    this.#epoch += 1;
    this.#restart = undefined;
  }

  disturb(path: string): void {
    this.#disturbedAtMs.set(path, performance.now());
  }

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  wrong(what: string): void {
    this.count('WRONG');
    if (this.complaints.length < MOST_COMPLAINTS) this.complaints.push(`${new Date().toISOString()} ${what}`);
  }

  begin(wish: Wish): JudgedRequest {
    const { path, method, headers } = wish;
    const epoch = this.#epoch;
    const beganMs = performance.now();
    const began = this.truth.moment(path);
    const isRestarted = (): boolean => epoch !== this.#epoch || this.#restart !== undefined;
    const isDisturbed = (): boolean => (this.#disturbedAtMs.get(path) ?? -1e9) > beganMs - CHANGE_SLACK_MS;
    const allowed = () =>
      this.truth.allowed(path, began, { noCache: headers['cache-control'] === 'no-cache', originMayFail: false });
    const complain = (what: string): void => this.wrong(`${method} ${path} ${JSON.stringify(headers)}: ${what}`);
    return {
      whole: (answer) => {
        this.servedBytes += answer.body.length;
        this.count(String(answer.status));
        const complaint = judge(wish, answer, allowed(), isRestarted()).wrong;
        if (complaint === undefined) return;
        complain(`${complaint}; ${describeGenerations(wish, answer, this.truth.generations(path), began)}`);
      },
      part: (answer) => {
        this.servedBytes += answer.body.length;
        const complaint = partComplaintOf(answer, allowed());
        if (complaint !== undefined && !isRestarted()) complain(complaint);
      },
      cut: (how) => {
        this.count('cut');
        const seconds = ((performance.now() - beganMs) / 1000).toFixed(1);
        if (!isRestarted() && !isDisturbed()) complain(`cut after ${seconds} s though nothing happened: ${how}`);
      },
    };
  }
}
