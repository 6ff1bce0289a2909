import type { AddressRates } from '../address-rates.ts';
import type { EdgeFilter } from '../edge-question.ts';

/** A player whose first answer failed may ask 400 times a second; from some rate on it gets the cheap answer. */
export function limitAddress(rates: AddressRates): EdgeFilter {
  return {
    name: 'address-limit',
    does: 'addresses that ask too often get the static order and are told to come back later',
    shapes: false,
    apply: (question) => (rates.admit(question.clientAddress) ? question : 'address-busy'),
  };
}
