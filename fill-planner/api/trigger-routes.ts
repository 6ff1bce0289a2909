import { createHash } from 'node:crypto';
import { type JsonReply, type JsonRequest, type JsonServer, sendProblem } from '../../src/server/json-server.ts';
import type { TriggerDesk, TriggerOwner } from '../triggers/trigger-desk.ts';
import { collectionOf, type TriggerError } from '../triggers/trigger-status.ts';
import type { StoredTrigger, TriggerNode } from '../triggers/trigger-store.ts';

/**
 * The trigger interface of CDN interconnection (RFC 8007, CI/T) on a listener:
 *
 *     GET    PREFIX                    all triggers of the sender; with links to the filtered collections
 *     GET    PREFIX/collections/NAME   pending, active, complete or failed ones
 *     POST   PREFIX                    a CI/T command: a trigger (201 with its Location) or a cancellation (200, 202)
 *     GET    PREFIX/ID                 one trigger: its specification, status, errors, and our `oca.nodes` per appliance
 *     DELETE PREFIX/ID                 forgets it
 *
 * Bodies are `application/cdni` with the payload types of section 7.1; `application/json` is taken as well. Answers carry
 * an ETag, for cheap polls.
 */
export interface TriggerRoutesOptions {
  readonly desk: TriggerDesk;
  readonly prefix: string;
  readonly cdnId: string;
  readonly retentionMs: number;
  /** Who asks; undefined when it has already been answered that he may not. */
  readonly ownerOf: (request: JsonRequest, reply: JsonReply) => TriggerOwner | undefined;
}

const COLLECTIONS = ['pending', 'active', 'complete', 'failed'] as const;
type CollectionName = (typeof COLLECTIONS)[number];
const POLL_SEC = 5;

interface Named {
  Params: { id: string };
}

export function addTriggerRoutes(server: JsonServer, options: TriggerRoutesOptions): void {
  const { desk, prefix, ownerOf } = options;
  server.get(prefix, (request, reply) => {
    const owner = ownerOf(request, reply);
    return owner === undefined ? reply : sendCollection(request, reply, options, owner, undefined);
  });
  server.get<{ Params: { name: string } }>(`${prefix}/collections/:name`, (request, reply) => {
    const owner = ownerOf(request, reply);
    if (owner === undefined) return reply;
    const name = COLLECTIONS.find((each) => each === request.params.name);
    return name === undefined ? noSuch(reply) : sendCollection(request, reply, options, owner, name);
  });
  server.get<Named>(`${prefix}/:id`, (request, reply) => {
    const owner = ownerOf(request, reply);
    if (owner === undefined) return reply;
    const found = desk.view(owner, request.params.id);
    return found === undefined ? noSuch(reply) : sendStatus(request, reply, found);
  });
  server.delete<Named>(`${prefix}/:id`, (request, reply) => {
    const owner = ownerOf(request, reply);
    if (owner === undefined) return reply;
    return desk.delete(owner, request.params.id) ? reply.code(204).send() : noSuch(reply);
  });
  server.post(prefix, (request, reply) => {
    const owner = ownerOf(request, reply);
    return owner === undefined ? reply : takeCommand(request, reply, options, owner);
  });
  // Section 4.1: a trigger is cancelled or deleted, never changed.
  for (const method of ['PUT', 'POST'] as const)
    server.route<Named>({
      method,
      url: `${prefix}/:id`,
      handler: (_request, reply) =>
        sendProblem(reply.header('allow', 'GET, HEAD, DELETE'), 405, 'REQUEST', 'a trigger is not changed: cancel it'),
    });
}

function takeCommand(
  request: JsonRequest,
  reply: JsonReply,
  { desk, prefix }: TriggerRoutesOptions,
  owner: TriggerOwner,
): JsonReply {
  const payload = /ptype=([^;\s]+)/.exec(request.headers['content-type'] ?? '')?.[1] ?? 'ci-trigger-command';
  if (payload !== 'ci-trigger-command')
    return sendProblem(reply, 415, 'REQUEST', `takes application/cdni; ptype=ci-trigger-command, not ptype=${payload}`);
  const outcome = desk.take(owner, request.body);
  switch (outcome.kind) {
    case 'created': {
      const location = `${baseOf(request)}${prefix}/${outcome.triggerId}`;
      const found = desk.view(owner, outcome.triggerId);
      return reply
        .code(201)
        .header('location', location)
        .type(typeOf('status'))
        .send(JSON.stringify(found === undefined ? {} : describe(found)));
    }
    case 'not-yours': {
      const where = `content of ${owner.name} begins with ${owner.prefixes.join(' or ')}, and patterns must be case-sensitive`;
      return sendProblem(reply, 403, 'NOT_YOURS', `${outcome.what}: ${where}`);
    }
    case 'unknown':
      return sendProblem(reply, 404, 'NOT_FOUND', `no trigger ${outcome.triggerId}: nothing was cancelled`);
    case 'cancelled':
      return reply.code(200).send();
    case 'cancelling':
      return reply.code(202).send();
  }
}

function sendCollection(
  request: JsonRequest,
  reply: JsonReply,
  { desk, prefix, cdnId, retentionMs }: TriggerRoutesOptions,
  owner: TriggerOwner,
  name: CollectionName | undefined,
): JsonReply {
  const base = `${baseOf(request)}${prefix}`;
  const listed = desk.list(owner).filter(({ status }) => name === undefined || collectionOf(status) === name);
  const links =
    name === undefined
      ? Object.fromEntries(COLLECTIONS.map((each) => [`coll-${each}`, `${base}/collections/${each}`]))
      : { 'coll-all': base };
  return sendTagged(request, reply, 'collection', {
    triggers: listed.map(({ triggerId }) => `${base}/${triggerId}`),
    staleresourcetime: Math.round(retentionMs / 1000),
    ...links,
    ...(name === undefined ? { 'cdn-id': cdnId } : {}),
  });
}

const sendStatus = (
  request: JsonRequest,
  reply: JsonReply,
  found: { trigger: StoredTrigger; nodes: readonly TriggerNode[] },
): JsonReply => sendTagged(request, reply, 'status', describe(found));

/** A trigger status resource (section 5.1.2), times in seconds (section 5.2.5). */
function describe({ trigger, nodes }: { trigger: StoredTrigger; nodes: readonly TriggerNode[] }): object {
  const failed = nodes.filter(({ state }) => state === 'failed');
  const { specification } = trigger;
  const errors: TriggerError[] = [
    ...trigger.errors,
    ...failed.map(({ applianceId, detail }): TriggerError => {
      const { 'content.urls': urls, 'content.patterns': patterns } = specification as Partial<TriggerError>;
      return {
        error: trigger.type === 'preposition' ? 'econtent' : 'ecdn',
        ...(urls === undefined ? {} : { 'content.urls': urls }),
        ...(patterns === undefined ? {} : { 'content.patterns': patterns }),
        description: `${applianceId}: ${detail}`,
      };
    }),
    ...(trigger.status === 'cancelled' ? [{ error: 'ecanceled' as const, description: 'it was taken back' }] : []),
  ];
  return {
    'oca.id': trigger.triggerId,
    'oca.sender': trigger.owner,
    trigger: specification,
    ctime: Math.floor(trigger.createdAtMs / 1000),
    mtime: Math.floor(trigger.modifiedAtMs / 1000),
    status: trigger.status,
    ...(errors.length === 0 ? {} : { errors }),
    'oca.nodes': nodes.map(({ applianceId, state, objectCount, bytes, detail, changedAtMs }) => ({
      appliance: applianceId,
      status: state,
      objects: objectCount,
      bytes,
      ...(detail === '' ? {} : { detail }),
      mtime: Math.floor(changedAtMs / 1000),
    })),
  };
}

function sendTagged(request: JsonRequest, reply: JsonReply, payload: 'status' | 'collection', body: object): JsonReply {
  const text = JSON.stringify(body);
  const etag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`;
  reply.headers({ etag, 'cache-control': `private, max-age=${POLL_SEC}` });
  if (request.headers['if-none-match'] === etag) return reply.code(304).send();
  return reply.type(typeOf(payload)).send(text);
}

const typeOf = (payload: 'status' | 'collection'): string => `application/cdni; ptype=ci-trigger-${payload}`;

/** As the sender reached us, so that he finds the way again. */
const baseOf = (request: JsonRequest): string => `${request.protocol}://${request.headers.host ?? ''}`;

const noSuch = (reply: JsonReply): JsonReply => sendProblem(reply, 404, 'NOT_FOUND', 'no such trigger or collection');
