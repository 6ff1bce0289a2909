/**
 * THE table of operational failures. `says` is for the operator and names what to look at; `source` tells whose fault
 * it is; `status` is what a client of ours gets when the failure ends its request; `retry` tells a caller what may
 * help: never, the same place again, or elsewhere.
 */
export const ERROR_CODES = {
  // A source (peer, tier, origin) did not do its part.
  SOURCE_UNREACHABLE: {
    says: 'no connection to the source: check that it runs and that the URL is right',
    source: 'origin',
    status: 502,
    retry: 'elsewhere',
  },
  SOURCE_TIMEOUT: { says: 'the source did not answer in time', source: 'origin', status: 504, retry: 'elsewhere' },
  SOURCE_STATUS: {
    says: 'the source answered with a status that is no content',
    source: 'origin',
    status: 502,
    retry: 'elsewhere',
  },
  SOURCE_PROTOCOL: {
    says: 'the source broke HTTP or contradicted its own headers',
    source: 'origin',
    status: 502,
    retry: 'elsewhere',
  },
  SOURCE_TRUNCATED: { says: 'the source ended the body early', source: 'origin', status: 502, retry: 'elsewhere' },
  SOURCE_CHANGED: {
    says: 'the file changed at the source during the transfer',
    source: 'origin',
    status: 502,
    retry: 'same',
  },
  SOURCE_RESTING: {
    says: 'the source failed too often and is left alone for some seconds: look at it and at the way there',
    source: 'origin',
    status: 502,
    retry: 'elsewhere',
  },
  SOURCE_LACKS: { says: 'the source does not hold the file', source: 'peer', status: 504, retry: 'elsewhere' },
  CHECKSUM_MISMATCH: {
    says: 'bytes from the source do not match the signed manifest',
    source: 'peer',
    status: 502,
    retry: 'elsewhere',
  },
  // A control-plane call between services.
  SERVICE_UNREACHABLE: {
    says: 'no connection to the service: check its URL and that it runs',
    source: 'peer',
    status: 502,
    retry: 'same',
  },
  SERVICE_TIMEOUT: { says: 'the service did not answer in time', source: 'peer', status: 504, retry: 'same' },
  SERVICE_STATUS: { says: 'the service refused the call', source: 'peer', status: 502, retry: 'same' },
  SERVICE_PROTOCOL: {
    says: 'the service answered with something that is not its contract',
    source: 'peer',
    status: 502,
    retry: 'same',
  },
  SIGNATURE_INVALID: {
    says: 'the signature does not verify: check that both sides are enrolled with each other',
    source: 'peer',
    status: 401,
    retry: 'never',
  },
  // Our own disks and database.
  VOLUME_FULL: {
    says: 'the volume is full: make room, and check its capacity setting against the disk',
    source: 'self',
    status: 503,
    retry: 'elsewhere',
  },
  VOLUME_IO: {
    says: 'the volume failed to read or write: check the disk, its mount and its owner',
    source: 'self',
    status: 503,
    retry: 'elsewhere',
  },
  BLOCK_ROTTEN: { says: 'a stored block does not match its checksum', source: 'self', status: 503, retry: 'elsewhere' },
  STATE_CORRUPT: {
    says: 'a state file does not make sense: restore it or remove it to start afresh',
    source: 'self',
    status: 500,
    retry: 'never',
  },
  ROUTER_UNREACHABLE: {
    says: 'the routing daemon does not answer: check that it runs, and that this user may open its control socket',
    source: 'self',
    status: 503,
    retry: 'same',
  },
  STATE_IN_USE: {
    says: 'another process uses this state: stop that one, or give each its own directory',
    source: 'self',
    status: 503,
    retry: 'never',
  },
  ADDRESS_UNAVAILABLE: {
    says: 'the address to listen on cannot be had now: look for another process on it, and whether this machine has it',
    source: 'self',
    status: 503,
    retry: 'same',
  },
  PURGED: { says: 'the content was purged while it was asked for', source: 'self', status: 503, retry: 'same' },
  OVERLOADED: { says: 'a limit on work in hand is reached', source: 'self', status: 503, retry: 'elsewhere' },
  // What an operator gives us.
  MEDIA_BROKEN: { says: 'the title is broken and was refused', source: 'client', status: 422, retry: 'never' },
  CONFIG_INVALID: { says: 'the configuration is wrong', source: 'client', status: 400, retry: 'never' },
} as const satisfies Record<string, ErrorCodeRow>;

interface ErrorCodeRow {
  readonly says: string;
  readonly source: 'client' | 'self' | 'peer' | 'origin';
  readonly status: number;
  readonly retry: 'never' | 'same' | 'elsewhere';
}

export type ErrorCode = keyof typeof ERROR_CODES;
