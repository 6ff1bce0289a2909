import type { IpPrefix } from '../../routing/ip-address.ts';
import { clientAddress, type ForwardedHeader } from '../client-address.ts';
import type { EdgeFilter } from '../edge-question.ts';

/** First of all: whose question it is. Everything behind goes by this address. */
export function findClientAddress(trustedProxies: readonly IpPrefix[], header: ForwardedHeader): EdgeFilter {
  return {
    name: 'client-address',
    does: `the address of the client: of the connection, or what trusted proxies wrote into ${header}`,
    shapes: true,
    apply: (question) => ({
      ...question,
      clientAddress: clientAddress(question.socketAddress, question.headers[header], trustedProxies, header),
    }),
  };
}
