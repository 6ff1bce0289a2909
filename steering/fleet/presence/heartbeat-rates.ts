/**
 * How many heartbeats of one appliance are taken. Each costs a look at megabytes of holdings and a new view of the
 * fleet, so one enrolled box that sends them in a loop would slow every decision. What is too much is dropped and still
 * answered: the ones that were taken a moment before have renewed its lease, and the next one that is taken says it all.
 */
export class HeartbeatRates {
  readonly #senders = new Map<string, { level: number; atMs: number }>();

  /** @param nowMs monotonic */
  admit(applianceId: string, nowMs: number): boolean {
    const sender = this.#senders.get(applianceId) ?? { level: BURST, atMs: nowMs };
    sender.level = Math.min(BURST, sender.level + ((nowMs - sender.atMs) / 1000) * PER_SEC);
    sender.atMs = nowMs;
    if (this.#senders.size >= MAX_SENDERS) this.#senders.clear();
    this.#senders.set(applianceId, sender);
    if (sender.level < 1) return false;
    sender.level -= 1;
    return true;
  }

  forget(applianceId: string): void {
    this.#senders.delete(applianceId);
  }
}

/** Appliances send one every two seconds; a test bench may send twenty times as many. */
const PER_SEC = 10;
const BURST = 50;
/** More than a fleet may have. Who is forgotten has a burst again. */
const MAX_SENDERS = 20_000;
