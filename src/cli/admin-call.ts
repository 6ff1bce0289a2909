import { HttpClient } from '../client/http-client.ts';
import { ServiceClient } from '../client/service-client.ts';
import { systemWorld } from '../world/world.ts';

/** Runs one tool's calls on a service's admin listener and closes the connections after. */
export async function withAdmin<T>(baseUrl: string, run: (admin: ServiceClient) => Promise<T>): Promise<T> {
  const http = new HttpClient({ connectTimeoutMs: 3000, maxConnectionsPerHost: 4 });
  try {
    return await run(
      new ServiceClient({
        http,
        clock: systemWorld.clock,
        baseUrl: baseUrl.replace(/\/+$/, ''),
        timeoutMs: 60_000,
        maxAnswerBytes: 256 * 2 ** 20,
      }),
    );
  } finally {
    await http.destroy();
  }
}
