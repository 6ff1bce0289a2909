import { HttpClient } from '../client/http-client.ts';
import { ServiceClient } from '../client/service-client.ts';
import { ParameterError, urlParameter } from '../config/parameter.ts';
import { OperationalError } from '../errors/operational-error.ts';
import { systemWorld } from '../world/world.ts';

/** Runs one tool's calls on a service's admin listener and closes the connections after. */
export async function withAdmin<T>(baseUrl: string, run: (admin: ServiceClient) => Promise<T>): Promise<T> {
  const http = new HttpClient({ connectTimeoutMs: 3000, maxConnectionsPerHost: 4 });
  try {
    return await run(
      new ServiceClient({
        http,
        clock: systemWorld.clock,
        baseUrl: adminBaseUrl(baseUrl),
        timeoutMs: 60_000,
        maxAnswerBytes: 256 * 2 ** 20,
      }),
    );
  } finally {
    await http.destroy();
  }
}

/** The URL of an admin listener without a trailing slash. @throws OperationalError CONFIG_INVALID */
export function adminBaseUrl(text: string): string {
  try {
    return adminUrl.parse(text);
  } catch (error) {
    if (!(error instanceof ParameterError)) throw error;
    throw new OperationalError(
      'CONFIG_INVALID',
      `the URL of the admin listener ${error.message}: for example http://127.0.0.1:9081`,
    );
  }
}

const adminUrl = urlParameter('');
