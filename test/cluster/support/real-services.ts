import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { callJson } from '../../../deploy/demo/call-json.ts';
import { ChildService, serviceWords } from '../../../deploy/demo/child-service.ts';

/** Services as real processes on ports of their own, with one folder for all that they keep. */
export class RealServices {
  readonly folder: string;
  readonly #children: ChildService[] = [];

  /** @param name what the folder is called, to know whose it is */
  constructor(name: string) {
    this.folder = mkdtempSync(join(tmpdir(), `oca-${name}-`));
  }

  /** Resolves when it is ready. Fails with its exit code and what it wrote when it ends before. */
  async start(
    service: string,
    parameters: Readonly<Record<string, string | number>>,
    environment: Readonly<Record<string, string>> = {},
  ): Promise<ChildService> {
    const words = serviceWords(service, {
      listen: '127.0.0.1:0',
      adminListen: '127.0.0.1:0',
      state: join(this.folder, service),
      ...parameters,
    });
    const logFile = join(this.folder, `${service}.log`);
    const child = await ChildService.start({ words, logFile, environment });
    this.#children.push(child);
    return child;
  }

  /** Kills all and removes what they kept. */
  async end(): Promise<void> {
    for (const child of this.#children.splice(0)) await child.end('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** What an operator does on the admin listener. Fails unless it is answered by 2xx. */
export const operator = (child: ChildService, method: string, target: string, body: object): Promise<unknown> =>
  callJson(method, (child.addresses['admin'] ?? '') + target, body);

export async function mint(child: ChildService, id: string, role: string): Promise<string> {
  const answer = await operator(child, 'POST', '/v1/enrolment-tokens', { id, role });
  return (answer as { token: string }).token;
}
