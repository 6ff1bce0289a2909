import type { IncomingMessage } from 'node:http';
import type { Service } from '../../src/lifecycle/service.ts';
import type { World } from '../../src/world/world.ts';
import type { PolicyKeeper } from '../policy/policy-keeper.ts';
import { DEFAULT_POLICY } from '../ranking/policy-facts.ts';
import { AddressRates, networkOf } from './address-rates.ts';
import type { ClientAddresses } from './client-address.ts';
import { EdgeChain, type EdgePassage, type FilterReport } from './edge-chain.ts';
import type { EdgeQuestion } from './edge-question.ts';
import type { EntryTokens } from './entry-tokens.ts';
import { applyDeviceRules } from './filters/apply-device-rules.ts';
import { assignCohort } from './filters/assign-cohort.ts';
import { checkToken } from './filters/check-token.ts';
import { choosePolicy } from './filters/choose-policy.ts';
import { findClientAddress } from './filters/find-client-address.ts';
import { limitAddress } from './filters/limit-address.ts';
import { shedLoad } from './filters/shed-load.ts';
import type { Shedder, ShedReport } from './shed/shedder.ts';

export interface EdgeOptions {
  readonly world: World;
  readonly addresses: ClientAddresses;
  readonly maxPerAddressPerSec: number;
  readonly policy: PolicyKeeper;
  readonly shedder: Shedder;
  /** undefined where nobody needs a token to be answered. */
  readonly entry?: EntryTokens | undefined;
}

/** What a route knows of a question before it enters the chain. */
export type Asked = Pick<EdgeQuestion, 'work' | 'sessionId' | 'titleId' | 'query'> & {
  readonly request: Pick<IncomingMessage, 'headers' | 'socket' | 'url'>;
};

export interface EdgeReport {
  /** In the order in which questions pass them. */
  readonly filters: readonly FilterReport[];
  readonly load: ShedReport;
  readonly policyVersion: string;
}

/** While everything is shed, what is answered holds so many times as long. */
const MOST_TTL_FACTOR = 4;

/** The edge in front of steering: the chain with all its filters, in their order, and what they share. */
export class Edge implements Service {
  readonly policy: PolicyKeeper;
  readonly #options: EdgeOptions;
  readonly #chain: EdgeChain;

  constructor(options: EdgeOptions) {
    const { world, addresses, maxPerAddressPerSec, policy, shedder } = options;
    this.#options = options;
    this.policy = policy;
    this.#chain = new EdgeChain([
      findClientAddress(addresses),
      checkToken(options.entry),
      limitAddress(new AddressRates(world, { max: maxPerAddressPerSec })),
      applyDeviceRules(policy),
      assignCohort(policy),
      choosePolicy(policy),
      shedLoad(shedder),
    ]);
  }

  async start(): Promise<void> {
    await this.policy.start();
    await this.#options.shedder.start();
  }

  async stop(deadlineMs: number): Promise<void> {
    await this.#options.shedder.stop();
    await this.policy.stop(deadlineMs);
  }

  pass({ request, ...asked }: Asked): EdgePassage {
    return this.#chain.pass({
      ...asked,
      target: request.url ?? '',
      socketAddress: request.socket.remoteAddress,
      headers: request.headers,
      clientAddress: '',
      device: undefined,
      seat: undefined,
      policy: DEFAULT_POLICY,
    });
  }

  /** Whose request it is, for what does not ask for a decision. */
  addressOf({ headers, socket }: Asked['request']): string {
    return this.#options.addresses.of(socket.remoteAddress, headers);
  }

  /** By how much longer answers hold while there is too much to do: then fewer come back. */
  ttlFactor(): number {
    return 1 + (MOST_TTL_FACTOR - 1) * this.#options.shedder.report().shedShare;
  }

  /** Counts one heartbeat. @returns whether it is taken */
  admitHeartbeat(): boolean {
    return this.#options.shedder.admitHeartbeat();
  }

  isProxy(address: string): boolean {
    return this.#options.addresses.isProxy(address);
  }

  /** By what connections of one address are counted; undefined for proxies in front. */
  connectionKeyOf(address: string): string | undefined {
    return this.isProxy(address) ? undefined : networkOf(address);
  }

  report(): EdgeReport {
    return {
      filters: this.#chain.reports(),
      load: this.#options.shedder.report(),
      policyVersion: this.policy.policy.version,
    };
  }
}
