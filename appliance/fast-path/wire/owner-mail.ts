import type { PublishedDescription } from '../../memory/published.ts';
import { means, type PurgeRule } from '../../purge/purge-rule.ts';
import type { MovedConnection, ToWire } from '../messages.ts';
import { type Connection, FETCHING, LINGERING, NONE, READING, SENDING, WAITING } from './connection.ts';
import { driveLater } from './drive-connection.ts';
import { abandon, closeConnection, handOver } from './end-connection.ts';
import { admitMoved, closeListener, stopListening } from './listener.ts';
import { fetched } from './send-body.ts';
import type { WireContext } from './wire-context.ts';

/** Does what the owner asks for. */
export function readMail(context: WireContext, message: ToWire): void {
  switch (message.kind) {
    case 'here':
      return answered(context, message.ticket, true);
    case 'not-here':
      return answered(context, message.ticket, false);
    case 'take':
      return take(context, message.connection);
    case 'running':
      return context.post({ kind: 'running', ticket: message.ticket, bodies: countRunning(context, message) });
    case 'draining':
      context.moment.isDraining = message.isDraining;
      return;
    case 'token':
      return context.keys.learn(message.token);
    case 'forget-tokens':
      return context.keys.forgetTokens();
    case 'stop-listening':
      return stopListening(context);
    case 'stop':
      return stop(context, message.deadlineMs);
  }
}

function answered(context: WireContext, ticket: number, isHere: boolean): void {
  const connection = context.tickets.get(ticket);
  // Its client left, and the answer crossed with that.
  if (connection === undefined || connection.ticket !== ticket) return;
  if (connection.state === WAITING) answeredBeforeHead(context, connection, isHere);
  else if (connection.isAsking) {
    fetched(context, connection, isHere);
    if (connection.state === SENDING) driveLater(context, connection);
  }
}

function answeredBeforeHead(context: WireContext, connection: Connection, isHere: boolean): void {
  const isOfObject = connection.wanted === undefined;
  connection.isAsking = false;
  // Nothing is held for a question about an object, or where the answer is no.
  if (isOfObject || !isHere) {
    context.tickets.delete(connection.ticket);
    connection.ticket = NONE;
  } else connection.hasGrip = true;
  if (!isHere) return giveUp(context, connection);
  connection.state = READING;
  driveLater(context, connection);
}

/** It is the reference engine's: what is missing, and why. */
export function giveUp(context: WireContext, connection: Connection): void {
  const { kept, keptStart, keptEnd } = connection;
  if (kept === undefined) return closeConnection(context, connection);
  handOver(context, connection, kept.subarray(keptStart, keptEnd), 'not-published');
}

function take(context: WireContext, moved: MovedConnection): void {
  if (context.cutsAtMs === Infinity) return admitMoved(context, moved);
  context.libc.close(moved.fd);
  context.board.leave(moved.countedAt);
}

function countRunning(
  context: WireContext,
  { rule, cut }: { readonly rule: PurgeRule; readonly cut: boolean },
): number {
  const judged = new Map<PublishedDescription, boolean>();
  let bodies = 0;
  for (const connection of context.connections.open()) {
    const { object, state } = connection;
    if (object === undefined || (state !== SENDING && state !== FETCHING)) continue;
    const { description } = object;
    let isMeant = judged.get(description);
    if (isMeant === undefined) {
      isMeant = means(rule, description);
      judged.set(description, isMeant);
    }
    if (!isMeant) continue;
    bodies += 1;
    if (cut) abandon(context, connection, 'purged');
  }
  return bodies;
}

/**
 * Idle connections end now, the others with their answer; answers say so from now on. Who has connected and not asked yet
 * is not idle: the request is on its way, and the time for its head is running.
 */
function stop(context: WireContext, deadlineMs: number): void {
  context.cutsAtMs = context.nowMs + deadlineMs;
  context.moment.isDraining = true;
  closeListener(context);
  for (const connection of context.connections.open()) {
    const isIdle = connection.state === READING && connection.kept === undefined && connection.isUsed;
    if (isIdle || connection.state === LINGERING) closeConnection(context, connection);
  }
}

/** At the deadline of a stop: what still runs is cut. */
export function cutAll(context: WireContext): void {
  for (const connection of context.connections.open()) abandon(context, connection, 'client-left');
}
