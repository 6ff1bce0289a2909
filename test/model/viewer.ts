import { type Agent, request as askHttp } from 'node:http';
import type { Answered, Wish } from './judge.ts';

/** 'cut': ended before it was complete, or no answer at all. 'left': the viewer did not wait. */
export type Seen = { readonly end: 'complete'; readonly answer: Answered } | { readonly end: 'cut' | 'left' };

const PATIENCE_MS = 30_000;

/** Asks as a viewer does. @throws when there is no end within half a minute: nothing may hang for ever */
export function view(url: string, wish: Wish, agent: Agent): Promise<Seen> {
  return new Promise((resolve, reject) => {
    const { method, path, headers } = wish;
    const late = setTimeout(() => {
      request.destroy();
      reject(new Error(`no end within ${PATIENCE_MS / 1000} s: ${method} ${path} ${JSON.stringify(headers)}`));
    }, PATIENCE_MS);
    const finish = (seen: Seen): void => {
      clearTimeout(late);
      resolve(seen);
    };
    const request = askHttp(url + path, { method, headers, agent }, (response) => {
      if (wish.leaves) {
        request.destroy();
        return finish({ end: 'left' });
      }
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.once('close', () => {
        if (!response.complete) return finish({ end: 'cut' });
        const { statusCode: status = 0, headers: fields } = response;
        return finish({ end: 'complete', answer: { status, headers: fields, body: Buffer.concat(pieces) } });
      });
      response.on('error', () => finish({ end: 'cut' }));
    });
    request.on('error', () => finish({ end: 'cut' }));
    request.end();
  });
}
