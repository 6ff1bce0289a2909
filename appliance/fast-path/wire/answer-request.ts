/**
 * From a complete request head to the first byte of its answer.
 *
 *   key      what is asked for                        else over        wire-key
 *   admit    whether there is room                    else 503         load-board
 *   find     the object, as it is shown now           else the owner   memory/reader
 *   choose   status, head, which bytes                else over        answer-on-wire
 *   hold     the blocks: pinned, or by a grip         else the owner   messages.ts
 *   head     if it is still shown (I4)                else once more
 *
 * Nothing of this is remembered while the owner is asked: what was read of the connection is kept, and when the answer
 * comes the request begins anew from its bytes, with the clock, the descriptions and the limits of that moment. That costs
 * a microsecond once per trip to a disk, and spares every state in between.
 *
 * A body holds its blocks in one of two ways. A short one pins all of them before its head: then nothing can be missing
 * on the way, and nobody is asked. A long one, or any when much is pinned already, has the owner hold the generation (a
 * grip) and pins the block that is being sent and the next: a slow viewer of a film must not keep the whole of it in
 * memory.
 */

import { cmcdOfRequest } from '../../../src/cmcd/cmcd-of-request.ts';
import { BLOCK_BYTES } from '../../../src/contracts/file-manifest.ts';
import { ERRNO, MSG_MORE, SO_MAX_PACING_RATE, SOL_SOCKET } from '../../kernel/linux-abi.ts';
import type { PublishedObject } from '../../memory/published.ts';
import type { WireAnswer } from '../answer-on-wire.ts';
import type { OverReason } from '../messages.ts';
import type { RequestHead } from '../request-head.ts';
import type { WireKey } from '../wire-key.ts';
import { waitsForClient } from './client-pace.ts';
import { type Connection, FOR_CLIENT, FOR_OWNER, NONE, SENDING, WAITING } from './connection.ts';
import { abandon, finishAnswer, unpinAll } from './end-connection.ts';
import { pacingBytesPerSec } from './pacing.ts';
import type { WireContext } from './wire-context.ts';

/**
 * 'begun': the head is out, wholly or in part, and its bytes are done with. 'held': the bytes are needed again, when the
 * owner has answered or the client has read. Otherwise over.
 */
export type Begun = 'begun' | 'held' | 'gone' | OverReason;

/** A body of more blocks has a grip. */
const MOST_PINNED_BLOCKS = 5;
/** Of all slots, in connections of one thread: above it bodies have grips. */
const PINNED_SHARE = 0.25;
/** How often a request begins anew because what it is about has changed meanwhile. */
const MAX_STARTS = 4;
/** Retry-After of a 503 (delivery/admit.ts) goes round, so that those who come back are spread. */
const RETRY_AFTER_SECONDS = 5;

/** Answers the request whose head was read last. */
export function answerRequest(context: WireContext, connection: Connection): Begun {
  const { head, keys, load, moment, limits } = context;
  const read = keys.read(head.target, head.host, moment.nowMs);
  if (read.kind === 'over') return read.because;
  if (!connection.isCounted) {
    connection.beganAtMs = context.nowMs;
    if (load.isFull) return shed(context, connection);
    load.requestBegan();
    connection.isCounted = true;
  }
  for (; connection.starts < MAX_STARTS; connection.starts += 1) {
    const object = context.reader.find(read.key);
    if (object === undefined) {
      if (connection.ticket !== NONE) dropTicket(context, connection);
      return askForObject(context, connection, read.key);
    }
    const answer = context.answers.answer(head, object, moment);
    if (answer.kind === 'over') return answer.because;
    if (!holdsBlocks(context, connection, object, answer)) return askForBlocks(context, connection, object, answer);
    if (limits.pacing === 'on') pace(context, connection, head);
    const sent = sendHead(context, connection, object, answer);
    if (sent === 'changed') {
      unpinAll(context, connection);
      dropTicket(context, connection);
      continue;
    }
    if (sent !== 'begun') return sent;
    begin(context, connection, object, answer, read);
    return 'begun';
  }
  return 'not-published';
}

/** The request is refused before it is looked for, as the reference engine does it. */
function shed(context: WireContext, connection: Connection): Begun {
  const { answers, head, ledger, libc, moment, output } = context;
  const retryAfterSec = 1 + (context.nextTicket % RETRY_AFTER_SECONDS);
  context.nextTicket += 1;
  const end = answers.writeShed(retryAfterSec, head, moment, output.bytes, 0);
  const count = libc.send(connection.fd, output.address, end, 0);
  if (count < 0) return unsent(context, connection, count);
  ledger.shed();
  if (count < end) {
    // Not even that much has room: the client reads nothing at all, and gets nothing more.
    abandon(context, connection, 'client-slow');
    return 'gone';
  }
  connection.isUsed = true;
  connection.isLast = head.isLast || moment.isDraining;
  return 'begun';
}

/** Whether every block of the body is pinned now, or the first one is and the others are held for us. */
function holdsBlocks(
  context: WireContext,
  connection: Connection,
  object: PublishedObject,
  { first, last }: WireAnswer,
): boolean {
  if (last < first) return true;
  const { reader } = context;
  const firstBlock = Math.floor(first / BLOCK_BYTES);
  const lastBlock = Math.floor(last / BLOCK_BYTES);
  if (connection.hasGrip) {
    // Of other content: it holds nothing for us.
    if (!hasSameContent(connection.wanted, object)) {
      dropTicket(context, connection);
      return false;
    }
  } else {
    const blocks = lastBlock - firstBlock + 1;
    const mayPin = context.pinnedSlots + blocks <= context.memorySlots * PINNED_SHARE;
    if (blocks > MOST_PINNED_BLOCKS || (blocks > 1 && !mayPin)) return false;
  }
  connection.firstPinned = firstBlock;
  const until = connection.hasGrip ? firstBlock : lastBlock;
  for (let block = firstBlock; block <= until; block += 1) {
    const slot = reader.pin(object, block);
    if (slot === NONE) {
      unpinAll(context, connection);
      return false;
    }
    connection.pins.push(slot);
    context.pinnedSlots += 1;
  }
  return true;
}

const hasSameContent = (left: PublishedObject | undefined, right: PublishedObject): boolean =>
  left !== undefined && left.contentHigh === right.contentHigh && left.contentLow === right.contentLow;

function askForObject(context: WireContext, connection: Connection, key: string): Begun {
  if (connection.starts >= MAX_STARTS - 1) return 'not-published';
  context.post({ kind: 'want-object', ticket: ticketFor(context, connection), key });
  return waitForOwner(context, connection);
}

function askForBlocks(
  context: WireContext,
  connection: Connection,
  object: PublishedObject,
  { first, last }: WireAnswer,
): Begun {
  if (connection.starts >= MAX_STARTS - 1) return 'not-published';
  if (connection.ticket !== NONE) dropTicket(context, connection);
  connection.wanted = object;
  context.post({
    kind: 'want',
    ticket: ticketFor(context, connection),
    key: object.description.key,
    firstBlock: Math.floor(first / BLOCK_BYTES),
    lastBlock: Math.floor(last / BLOCK_BYTES),
    isBegun: false,
  });
  return waitForOwner(context, connection);
}

function ticketFor(context: WireContext, connection: Connection): number {
  const ticket = context.nextTicket;
  context.nextTicket += 1;
  context.tickets.set(ticket, connection);
  connection.ticket = ticket;
  return ticket;
}

/** What it stood for is of no use. */
function dropTicket(context: WireContext, connection: Connection): void {
  if (connection.ticket === NONE) return;
  context.tickets.delete(connection.ticket);
  context.post({ kind: 'want-no-more', ticket: connection.ticket });
  connection.ticket = NONE;
  connection.hasGrip = false;
}

function waitForOwner(context: WireContext, connection: Connection): Begun {
  connection.starts += 1;
  connection.isAsking = true;
  connection.state = WAITING;
  connection.deadlineFor = FOR_OWNER;
  context.wheel.set(connection.index, context.nowMs + context.limits.readerTimeoutMs);
  return 'held';
}

function pace({ libc }: WireContext, connection: Connection, head: RequestHead): void {
  const bytesPerSec = pacingBytesPerSec(cmcdOfRequest(head.target, head.report ?? NO_REPORT));
  if (bytesPerSec === connection.paceBytesPerSec) return;
  connection.paceBytesPerSec = bytesPerSec;
  libc.setOption(connection.fd, SOL_SOCKET, SO_MAX_PACING_RATE, bytesPerSec);
}

/** I4: between `enter` and `leave` nothing but the question whether the object is shown, and one call that does not block. */
function sendHead(
  context: WireContext,
  connection: Connection,
  object: PublishedObject,
  { first, last }: WireAnswer,
): 'begun' | 'changed' | 'held' | 'gone' {
  const { answers, libc, output, reader } = context;
  const end = answers.writeHead(output.bytes, 0);
  reader.enter();
  const isCurrent = reader.isCurrent(object);
  // The body follows at once, and goes into the same packet.
  const count = isCurrent ? libc.send(connection.fd, output.address, end, last < first ? 0 : MSG_MORE) : 0;
  reader.leave();
  if (!isCurrent) return 'changed';
  if (count < 0) {
    unpinAll(context, connection);
    return unsent(context, connection, count);
  }
  connection.headRest = count < end ? Buffer.from(output.bytes.subarray(count, end)) : undefined;
  return 'begun';
}

/** Nothing of a head was taken: it is tried again when the client has read what it has, or it is gone. */
function unsent(context: WireContext, connection: Connection, failure: number): 'held' | 'gone' {
  if (failure === -ERRNO.EAGAIN) {
    connection.isWritable = false;
    waitsForClient(connection, context.nowMs);
    connection.deadlineFor = FOR_CLIENT;
    context.wheel.set(connection.index, context.nowMs + context.limits.sendStallMs);
    return 'held';
  }
  abandon(context, connection, 'client-left');
  return 'gone';
}

function begin(
  context: WireContext,
  connection: Connection,
  object: PublishedObject,
  { first, last, isLast }: WireAnswer,
  { key, path, tokenOutcome }: WireKey,
): void {
  const { head } = context;
  connection.state = SENDING;
  connection.object = object;
  connection.key = key;
  connection.path = path;
  connection.target = head.target;
  connection.tokenOutcome = tokenOutcome;
  connection.report = head.report;
  connection.isLast = isLast;
  connection.at = first;
  connection.end = last + 1;
  connection.blocks = connection.pins.length > 0 ? 1 : 0;
  connection.firstByteMs = performance.now() - connection.beganAtMs;
  if (last < first && connection.headRest === undefined) finishAnswer(context, connection, undefined);
}

const NO_REPORT: Readonly<Record<string, string>> = {};
