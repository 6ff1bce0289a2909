import autocannon from 'autocannon';

/** One load on one URL (or on a list of targets below it), from autocannon. */
export interface Load {
  readonly url: string;
  readonly connections: number;
  readonly durationSec: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Called before each request for its path and range; the URL as it is when absent. */
  readonly nextRequest?: () => { readonly path: string; readonly range?: string };
}

export interface LoadResult {
  readonly requests: number;
  readonly requestsPerSec: number;
  readonly bytesPerSec: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Answers that were not 2xx, and connections that failed or timed out. */
  readonly refused: number;
  readonly errors: number;
}

/** Runs the load to its end. The client shares the machine's cores with the server when both are on one machine. */
export async function loadUrl(load: Load): Promise<LoadResult> {
  const next = load.nextRequest;
  const result = await autocannon({
    url: load.url,
    connections: load.connections,
    duration: load.durationSec,
    timeout: 30,
    headers: { ...load.headers },
    ...(next === undefined
      ? {}
      : {
          requests: [
            {
              setupRequest: (request) => {
                const { path, range } = next();
                return { ...request, path, headers: { ...request.headers, ...(range === undefined ? {} : { range }) } };
              },
            },
          ],
        }),
  });
  const seconds = result.duration;
  return {
    requests: result['2xx'],
    requestsPerSec: result['2xx'] / seconds,
    bytesPerSec: result.throughput.total / seconds,
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
    maxMs: result.latency.max,
    refused: result.non2xx,
    errors: result.errors,
  };
}
