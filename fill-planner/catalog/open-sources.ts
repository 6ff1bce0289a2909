import { HttpClient } from '../../src/client/http-client.ts';
import type { World } from '../../src/world/world.ts';
import type { SourceAccess } from './ingest-request.ts';
import { readS3Credentials } from './source/s3-credentials.ts';
import { S3Store } from './source/s3-store.ts';

export interface SourcesConfig {
  /** '' when there is none. */
  readonly origin: string;
  readonly s3Endpoint: string;
  readonly s3Region: string;
  readonly s3Credentials: string;
  readonly intakeTitles: number;
}

const CONNECT_TIMEOUT_MS = 5000;
/** As many as files of one title are read at once. */
const CONNECTIONS_PER_TITLE = 4;
const KEYS_PER_PAGE = 1000;

/** Everything that titles may come from, as the planner is configured. @param environment for credentials */
export function openSources(
  config: SourcesConfig,
  world: World,
  environment: Readonly<Record<string, string | undefined>>,
): SourceAccess & { close(): Promise<void> } {
  const { s3Region: region, s3Endpoint, s3Credentials } = config;
  const maxConnectionsPerHost = CONNECTIONS_PER_TITLE * config.intakeTitles;
  const http = new HttpClient({ connectTimeoutMs: CONNECT_TIMEOUT_MS, maxConnectionsPerHost });
  const endpointUrl = s3Endpoint === '' ? `https://s3.${region}.amazonaws.com` : s3Endpoint;
  return {
    http,
    world,
    defaultOriginUrl: config.origin,
    s3: async () => {
      const credentials = await readS3Credentials(s3Credentials, environment);
      return new S3Store({ endpointUrl, region, credentials, http, world, keysPerPage: KEYS_PER_PAGE });
    },
    close: () => http.destroy(),
  };
}
