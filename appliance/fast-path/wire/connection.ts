import type { PublishedObject } from '../../memory/published.ts';
import { NOT_PACED } from './pacing.ts';

/** What a connection is doing. Numbers: they are compared for every event. */
/** Between requests, or in the middle of a head. */
export const READING = 0;
/** A head is complete, and the owner was asked for what it is about. */
export const WAITING = 1;
/** The head of an answer is out, or a part of it. */
export const SENDING = 2;
/** In the middle of a body, until the owner has brought the next block. */
export const FETCHING = 3;
/** Everything is said; what the client still sends is thrown away, so that the kernel does not reset the connection. */
export const LINGERING = 4;
export const CLOSED = 5;

/** What its deadline is for. */
export const FOR_REQUEST = 0;
export const FOR_HEAD = 1;
export const FOR_CLIENT = 2;
export const FOR_OWNER = 3;
export const FOR_END = 4;

/** No ticket, or no slot. */
export const NONE = -1;

/**
 * One connection of a thread: its state and nothing else. Kept and used again for another one, so that ten thousand that
 * come and go leave no garbage; whoever holds a reference over time compares the generation.
 */
export class Connection {
  readonly index: number;
  generation = 0;
  fd = NONE;
  remoteAddress = '';
  remotePort = 0;
  countedAt = 0;
  state: number = CLOSED;
  deadlineFor: number = FOR_REQUEST;
  /** What epoll has told, and no call has contradicted since. */
  isReadable = false;
  isWritable = true;
  /** The client said that it will send no more; what it has sent it still wants answered. */
  hasHungUp = false;
  /** Reset, or closed on both sides: nobody is there any more. */
  isGone = false;
  /** It stands in the list of those that are to go on in the next turn. */
  isReady = false;
  /** It has had an answer before. */
  isUsed = false;
  /** Bytes per second, as the kernel was told. */
  paceBytesPerSec = NOT_PACED;

  /** What was read and is not answered yet: bytes `keptStart` to `keptEnd`; undefined where there is nothing. */
  kept: Buffer | undefined;
  keptStart = 0;
  keptEnd = 0;
  /** How much of it was tried for a head already, and is none yet. */
  triedBytes = 0;

  /** The connection ends with the answer. */
  isLast = false;
  /** The request in hand is counted as load. */
  isCounted = false;
  beganAtMs = 0;
  starts = 0;
  ticket = NONE;
  /** The ticket is of a grip: an answer was 'here'. */
  hasGrip = false;
  /** A question of the ticket is open. */
  isAsking = false;
  /** Whose blocks were asked for before there was a head; undefined where it was the object that was asked for. */
  wanted: PublishedObject | undefined;
  fetches = 0;

  /** Of the answer that is being sent. */
  object: PublishedObject | undefined;
  key = '';
  path = '';
  target = '';
  tokenOutcome: string | undefined;
  /** The fields of its player's report; undefined where there are none. */
  report: Readonly<Record<string, string>> | undefined;
  firstByteMs = 0;
  sentBytes = 0;
  blocks = 0;
  /** Rest of a head that the kernel did not take at once. */
  headRest: Buffer | undefined;
  /** Next byte of the object, and where the body ends (exclusive). */
  at = 0;
  end = 0;
  /** Slots of the next blocks, the first of them block `firstPinned`. */
  readonly pins: number[] = [];
  firstPinned = 0;

  /** How fast the client takes what it is given, over the time that we waited for it (client-pace.ts). */
  waitingSinceMs = NONE;
  waitedMs = 0;
  takenBytes = 0;

  constructor(index: number) {
    this.index = index;
  }

  /** Begins as another connection. */
  begin(fd: number, remoteAddress: string, remotePort: number, countedAt: number): void {
    this.generation = (this.generation + 1) | 0;
    this.fd = fd;
    this.remoteAddress = remoteAddress;
    this.remotePort = remotePort;
    this.countedAt = countedAt;
    this.state = READING;
    this.isReadable = false;
    this.isWritable = true;
    this.hasHungUp = false;
    this.isGone = false;
    this.isUsed = false;
    this.isLast = false;
    this.paceBytesPerSec = NOT_PACED;
    this.forgetKept();
    this.forgetRequest();
  }

  forgetKept(): void {
    this.kept = undefined;
    this.keptStart = 0;
    this.keptEnd = 0;
    this.triedBytes = 0;
  }

  /** The request in hand is answered, or somebody else's. */
  forgetRequest(): void {
    this.isCounted = false;
    this.starts = 0;
    this.ticket = NONE;
    this.hasGrip = false;
    this.isAsking = false;
    this.wanted = undefined;
    this.fetches = 0;
    this.object = undefined;
    this.report = undefined;
    this.sentBytes = 0;
    this.blocks = 0;
    this.headRest = undefined;
    this.waitingSinceMs = NONE;
    this.waitedMs = 0;
    this.takenBytes = 0;
  }
}
