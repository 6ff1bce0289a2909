import { type Agent, request as askHttp } from 'node:http';
import type { Answered, Wish } from './judge.ts';

/** 'cut': ended before it was complete, or no answer at all. 'left': the viewer did not wait. */
export type Seen =
  | { readonly end: 'complete'; readonly answer: Answered }
  /** `how` is for who looks for the cause. */
  | { readonly end: 'cut'; readonly how: string }
  | { readonly end: 'left' };

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
    const cut = (how: string): void =>
      finish({ end: 'cut', how: request.reusedSocket ? `${how}, socket used before` : how });
    const request = askHttp(url + path, { method, headers, agent }, (response) => {
      if (wish.leaves) {
        request.destroy();
        return finish({ end: 'left' });
      }
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.once('close', () => {
        const { statusCode: status = 0, headers: fields } = response;
        if (!response.complete) {
          const bytes = pieces.reduce((sum, { length }) => sum + length, 0);
          return cut(`${status} and ${bytes} of ${fields['content-length']} bytes`);
        }
        return finish({ end: 'complete', answer: { status, headers: fields, body: Buffer.concat(pieces) } });
      });
      // Its 'close' follows.
      response.on('error', () => undefined);
    });
    request.on('error', (error: NodeJS.ErrnoException) => cut(`${error.code ?? error.message} before the head`));
    request.end();
  });
}
