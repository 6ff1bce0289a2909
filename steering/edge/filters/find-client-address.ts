import type { ClientAddresses } from '../client-address.ts';
import type { EdgeFilter } from '../edge-question.ts';

/** First of all: whose question it is. Everything behind goes by this address. */
export function findClientAddress(addresses: ClientAddresses): EdgeFilter {
  return {
    name: 'client-address',
    does: `the address of the client: of the connection, or what trusted proxies wrote into ${addresses.header}`,
    shapes: true,
    apply: (question) => ({ ...question, clientAddress: addresses.of(question.socketAddress, question.headers) }),
  };
}
