import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { expect, test } from 'vitest';
import {
  type ConnectionFate,
  formatNodeHead,
  type WireStatus,
} from '../../../../appliance/fast-path/answers/node-head.ts';

const DATE = 'Sun, 06 Nov 1994 08:49:37 GMT';
const dateOf = (head: string): string => head.replace(/^Date: .*$/m, `Date: ${DATE}`);

/** What Node itself would write, in the way handle-get.ts has it written. */
function byNode(status: WireStatus, headers: Readonly<Record<string, string>>, fate: ConnectionFate): string {
  const request = new IncomingMessage(new Socket());
  request.httpVersionMajor = 1;
  request.httpVersionMinor = 1;
  const response = new ServerResponse(request) as ServerResponse & {
    _header: string;
    _keepAliveTimeout: number;
    _defaultKeepAlive: boolean;
  };
  response.shouldKeepAlive = fate.kind !== 'last';
  response._keepAliveTimeout = fate.kind === 'kept' ? fate.idleSec * 1000 : 30_000;
  if (fate.kind === 'draining') response.setHeader('Connection', 'close');
  response.writeHead(status, headers);
  return dateOf(response._header);
}

const FIELDS: readonly Readonly<Record<string, string>>[] = [
  { 'content-type': 'video/mp4', ETag: '"a"', Age: '3', 'Content-Length': '10' },
  { date: DATE, 'x-a': 'ä', '12': 'a name of digits', 'Content-Length': '0', 'CMSD-Dynamic': '"a"' },
  { 'Cache-Status': 'a;hit', 'Content-Range': 'bytes 0-1/2', 'Content-Length': '2' },
];

test.each([200, 206, 304, 416, 503] as const)('a head with status %i is as Node writes it', (status) => {
  for (const fields of FIELDS) {
    const { 'Content-Length': length = '', ...others } = fields;
    const headers = status === 304 ? others : { ...others, 'Content-Length': length };
    for (const fate of [{ kind: 'kept', idleSec: 30 }, { kind: 'last' }, { kind: 'draining' }] as const) {
      expect(formatNodeHead(status, headers, fate, DATE)).toBe(byNode(status, headers, fate));
    }
  }
});
