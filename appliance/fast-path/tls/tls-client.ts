/**
 * One client of a TLS thread: its requests one after the other, each answered out of verified memory or passed through a
 * tunnel to the reference engine.
 *
 * What a request means is decided where it is decided for wire threads (request-head, wire-key, answer-on-wire), and a
 * head that is not answered here goes over just as there. Two things differ. The descriptor carries TLS, so it stays, and
 * the bytes go through a tunnel in its place. And what is pipelined behind a request waits here for its answer, since it
 * is in this thread's memory anyway.
 */
import type { TLSSocket } from 'node:tls';
import type { PublishedObject } from '../../memory/published.ts';
import { MAX_ANSWER_HEAD_BYTES } from '../answer-on-wire.ts';
import type { OverReason } from '../messages.ts';
import { MAX_HEAD_BYTES, readHead } from '../request-head.ts';
import { PinnedBody } from './pinned-body.ts';
import { TlsAnswer } from './tls-answer.ts';
import type { OwnerListener, TlsParts } from './tls-parts.ts';
import { TlsRecord } from './tls-record.ts';
import { Tunnel } from './tunnel.ts';

const NOTHING = Buffer.alloc(0);
/** An object that changes so often while it is asked for is the reference engine's. */
const MAX_QUESTIONS = 3;
const MAX_RETRY_AFTER_SEC = 5;
const END_OF_HEAD = '\r\n\r\n';
const BODY_MAY_FOLLOW = /\r\n(?:content-length|transfer-encoding|expect|upgrade)[ \t]*:/i;
const HEAD_TIMEOUT = 'HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n';

/** reading: a head, or idle. waiting: for the owner. ending: everything was said. */
type Phase = 'reading' | 'waiting' | 'sending' | 'tunnelled' | 'ending';

export class TlsClient implements OwnerListener {
  readonly #parts: TlsParts;
  readonly #socket: TLSSocket;
  readonly #address: string;
  readonly #countedAt: number;
  readonly #record: TlsRecord;
  readonly #answer: TlsAnswer;
  #phase: Phase = 'reading';
  /** Read, and not yet answered. */
  #held: Buffer = NOTHING;
  #triedBytes = 0;
  /** Of the whole head that is held first; 0 when there is none. */
  #headBytes = 0;
  /** Monotonic: until when a head must be whole, or another request begin. */
  #deadlineMs: number;
  /** A question to the owner that is open, or since 'here' a grip; 0 for none. */
  #ticket = 0;
  #questions = 0;
  #hasGrip = false;
  #isLast = false;
  #tunnel: { readonly number: number; readonly ends: Tunnel; readonly isHolding: boolean } | undefined;

  /** @param countedAt where its address is counted */
  constructor(socket: TLSSocket, countedAt: number, parts: TlsParts) {
    this.#parts = parts;
    this.#socket = socket;
    this.#address = socket.remoteAddress ?? '';
    this.#countedAt = countedAt;
    this.#deadlineMs = performance.now() + parts.limits.headTimeoutMs;
    this.#record = new TlsRecord(parts, this.#address);
    this.#answer = new TlsAnswer(socket, {
      lacks: (body) => this.#wantMore(body),
      sent: (bytes) => this.#record.sent(bytes),
      done: () => this.#answered(),
    });
    socket.on('data', (bytes: Buffer) => this.#heard(bytes));
    socket.on('drain', () => this.#tunnel?.ends.drained());
    socket.on('end', () => this.#tunnel?.ends.sayEnd());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#closed());
  }

  /** The object whose body is on its way; undefined when none is. */
  get sending(): PublishedObject | undefined {
    return this.#answer.body?.object;
  }

  /** Ends the connection in the middle of an answer, without the farewell of a proper end. */
  cut(because: 'purged' | 'client-slow' | 'source-failed'): void {
    this.#record.abandoned(because);
    this.#socket.destroy();
  }

  /**
   * One more answer at the most, for who is in the middle of a request or has connected for one.
   * @param isNow whether what is in hand is cut, too
   */
  end(isNow: boolean): void {
    this.#isLast = true;
    if (isNow) this.#socket.destroy();
    else if (this.#isIdle) this.#sayFarewell();
  }

  get #isIdle(): boolean {
    return this.#phase === 'reading' && this.#held.length === 0 && this.#record.hasAnswered;
  }

  /** What the owner brought: 'here', or not. */
  answeredQuestion(isHere: boolean): void {
    if (this.#phase === 'sending') {
      if (isHere && this.#answer.body?.pinNext() === true) this.#answer.go();
      else this.cut('source-failed');
      return;
    }
    if (this.#phase !== 'waiting') return;
    this.#phase = 'reading';
    if (isHere) this.#ask();
    else {
      this.#letGo();
      this.#over('not-published');
    }
  }

  /** The reference engine is done with the tunnel. @param fd its other end */
  tookBack(fd: number): void {
    if (this.#tunnel === undefined) this.#parts.libc.close(fd);
    else this.#tunnel.ends.take(fd, this.#parts.libc);
  }

  tunnelWillBeCut(): void {
    this.#tunnel?.ends.willBeCut();
  }

  /** Looks at what is late. To be called about once a second. */
  look(nowMs: number): void {
    const { sendStallMs } = this.#parts.limits;
    if (this.#phase === 'reading' && nowMs >= this.#deadlineMs) this.#tooLate();
    else if (this.#phase === 'sending' && this.#answer.isWriting) {
      if (nowMs - this.#answer.writingSinceMs >= sendStallMs) this.cut('client-slow');
      else if (this.#record.isTooSlow(nowMs)) this.cut('client-slow');
    } else if (this.#phase === 'ending' && nowMs >= this.#deadlineMs) this.#socket.destroy();
    // Nothing proper follows, so whoever takes nothing need not be waited for.
    else if (this.#tunnel?.ends.isCut === true && this.#socket.writableNeedDrain) this.#socket.destroy();
  }

  #heard(bytes: Buffer): void {
    if (this.#tunnel !== undefined && !this.#tunnel.isHolding) {
      if (!this.#tunnel.ends.say(bytes)) this.#socket.pause();
      return;
    }
    if (this.#phase === 'ending') return;
    if (this.#phase === 'reading' && this.#held.length === 0) {
      this.#deadlineMs = Math.min(this.#deadlineMs, performance.now() + this.#parts.limits.headTimeoutMs);
    }
    this.#held = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    if (this.#phase === 'reading') this.#ask();
    else if (this.#held.length >= MAX_HEAD_BYTES) this.#socket.pause();
  }

  /** Answers the request that is held, if it is all there. */
  #ask(): void {
    const { head } = this.#parts;
    const reading =
      this.#held.length === 0 ? 'incomplete' : readHead(this.#held, 0, this.#held.length, this.#triedBytes, head);
    if (reading === 'incomplete') {
      this.#triedBytes = this.#held.length;
      if (this.#socket.isPaused()) this.#socket.resume();
    } else if (reading === 'whole') {
      this.#headBytes = head.lengthBytes;
      this.#askFor();
    } else this.#over(reading);
  }

  #askFor(): void {
    const { answers, head, keys, load, reader } = this.#parts;
    const moment = this.#parts.moment();
    this.#record.begin();
    const key = keys.read(head.target, head.host, moment.nowMs);
    if (key.kind === 'over') return this.#over(key.because);
    if (load.isFull) return this.#shed();
    const object = reader.find(key.key);
    if (object === undefined) return this.#wantObject(key.key);
    const answer = answers.answer(head, object, moment);
    if (answer.kind === 'over') return this.#over(answer.because);
    const { first, last } = answer;
    const body = last < first ? undefined : new PinnedBody(reader, this.#parts.memory, object, first, last);
    if (body !== undefined && !(this.#hasGrip ? body.pinNext() : body.pinAll())) return this.#wantBody(key.key, body);
    this.#isLast ||= answer.isLast;
    // Between enter and leave nothing waits: TLS encrypts the head now, or has it copied.
    reader.enter();
    const isCurrent = reader.isCurrent(object);
    if (isCurrent) {
      this.#consume(this.#headBytes);
      this.#phase = 'sending';
      this.#record.headSent(key, head);
      this.#answer.begin(answers, body);
    }
    reader.leave();
    if (isCurrent) return;
    body?.release();
    this.#over('not-published');
  }

  #wantObject(key: string): void {
    if (this.#questions >= MAX_QUESTIONS) return this.#over('not-published');
    this.#letGo();
    this.#questions += 1;
    this.#wait({ kind: 'want-object', key });
  }

  #wantBody(key: string, { firstBlock, lastBlock }: PinnedBody): void {
    if (this.#questions >= MAX_QUESTIONS) return this.#over('not-published');
    this.#letGo();
    this.#questions += 1;
    this.#hasGrip = true;
    this.#wait({ kind: 'want', key, firstBlock, lastBlock, isBegun: false });
  }

  #wait(question: Question): void {
    this.#phase = 'waiting';
    this.#ticket = this.#parts.number(this);
    this.#parts.post({ ...question, ticket: this.#ticket });
  }

  #wantMore({ firstBlock, lastBlock, object }: PinnedBody): void {
    // Without a grip every block was pinned before the head.
    if (!this.#hasGrip) return this.cut('source-failed');
    const { key } = object.description;
    this.#parts.post({ kind: 'want', ticket: this.#ticket, key, firstBlock, lastBlock, isBegun: true });
  }

  /** Nothing is asked any more, and nothing held. */
  #letGo(): void {
    if (this.#ticket === 0) return;
    this.#parts.post({ kind: 'want-no-more', ticket: this.#ticket });
    this.#parts.forget(this.#ticket);
    this.#ticket = 0;
    this.#hasGrip = false;
  }

  /** As much is carried as may be: refused before anything was looked for (delivery/admit.ts). */
  #shed(): void {
    const { answers, head } = this.#parts;
    const moment = this.#parts.moment();
    const retryAfterSec = 1 + Math.floor(Math.random() * MAX_RETRY_AFTER_SEC);
    const bytes = Buffer.allocUnsafe(MAX_ANSWER_HEAD_BYTES);
    const end = answers.writeShed(retryAfterSec, head, moment, bytes, 0);
    this.#isLast ||= head.isLast || moment.isDraining;
    this.#consume(this.#headBytes);
    this.#phase = 'sending';
    this.#record.shed();
    this.#answer.say(bytes.subarray(0, end));
  }

  /** The answer is out. */
  #answered(): void {
    this.#record.ended();
    this.#letGo();
    this.#goOn();
  }

  /** The next request, if the connection has one. */
  #goOn(): void {
    this.#phase = 'reading';
    this.#deadlineMs = performance.now() + this.#parts.limits.idleTimeoutMs;
    if (this.#isLast) this.#sayFarewell();
    else this.#ask();
  }

  #sayFarewell(): void {
    this.#phase = 'ending';
    this.#held = NOTHING;
    this.#deadlineMs = performance.now() + this.#parts.limits.sendStallMs;
    this.#socket.destroySoon();
  }

  #tooLate(): void {
    if (!this.#isIdle) {
      this.#record.refused('head-timeout');
      this.#socket.write(HEAD_TIMEOUT);
    }
    this.#sayFarewell();
  }

  #consume(bytes: number): void {
    this.#held = this.#held.length === bytes ? NOTHING : this.#held.subarray(bytes);
    this.#triedBytes = 0;
    this.#headBytes = 0;
    this.#questions = 0;
  }

  /** The reference engine serves what is held. */
  #over(because: OverReason): void {
    const { libc, post } = this.#parts;
    this.#letGo();
    this.#record.left();
    const pair = libc.socketPair();
    if (typeof pair === 'number') return this.#withoutDescriptors();
    const [near, far] = pair;
    const isWhole = this.#headBytes > 0;
    const isHolding = isWhole || isOneHead(this.#held);
    // A copy, and of nothing else: what is posted takes all of its memory along.
    const bytes = new Uint8Array(this.#held.subarray(0, isWhole ? this.#headBytes : this.#held.length));
    this.#consume(bytes.length);
    const number = this.#parts.number(this);
    this.#phase = 'tunnelled';
    this.#tunnel = { number, isHolding, ends: this.#tunnelBy(near) };
    if (!isHolding && this.#socket.isPaused()) this.#socket.resume();
    const connection = {
      fd: far,
      remoteAddress: this.#address,
      remotePort: this.#socket.remotePort ?? 0,
      countedAt: this.#countedAt,
      tunnel: number,
    };
    post({ kind: 'over', connection, bytes, isOneHead: isHolding, because });
  }

  #tunnelBy(fd: number): Tunnel {
    return new Tunnel(fd, this.#socket, {
      hear: this.#parts.hear,
      onTaken: () => {
        this.#closeTunnel();
        this.#goOn();
      },
      onEnded: () => {
        this.#closeTunnel();
        this.#sayFarewell();
      },
      onCut: () => this.#socket.destroy(),
    });
  }

  #withoutDescriptors(): void {
    this.#parts.exhausted();
    this.#socket.destroy();
  }

  #closeTunnel(): void {
    if (this.#tunnel === undefined) return;
    this.#tunnel.ends.close();
    this.#parts.forget(this.#tunnel.number);
    this.#tunnel = undefined;
  }

  #closed(): void {
    this.#phase = 'ending';
    this.#record.abandoned('client-left');
    this.#answer.close();
    this.#closeTunnel();
    this.#letGo();
  }
}

type Question =
  | { readonly kind: 'want-object'; readonly key: string }
  | {
      readonly kind: 'want';
      readonly key: string;
      readonly firstBlock: number;
      readonly lastBlock: number;
      readonly isBegun: boolean;
    };

/** Whether it is one request head that no body follows, and nothing behind it. */
function isOneHead(bytes: Buffer): boolean {
  const end = bytes.indexOf(END_OF_HEAD);
  return end >= 0 && end === bytes.length - END_OF_HEAD.length && !BODY_MAY_FOLLOW.test(bytes.toString('latin1'));
}
