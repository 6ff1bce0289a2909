import { OperationalError } from '../../../src/errors/operational-error.ts';
import type { World } from '../../../src/world/world.ts';
import { steadily, waitOrThrow } from './passing-failures.ts';
import type { OpenedFile, ReadFrom, TitleSource } from './title-source.ts';

/** As much as came must have been worth the next try. */
const PROGRESS_BYTES = 1024 * 1024;

/**
 * A source over a network, made steady: a title of 100 GB is read for an hour, and in an hour something breaks. What is
 * worth another try gets a few, further and further apart, and a file that broke off goes on where it broke, if it is
 * still the same file. A source that never answered gets one try: somebody mistyped its name, and should hear so.
 */
export function steadySource(source: TitleSource, world: World): TitleSource {
  let hasAnswered = false;
  const ask = async <T>(run: () => Promise<T>, signal: AbortSignal): Promise<T> => {
    const result = await (hasAnswered ? steadily(run, world, signal) : run());
    hasAnswered = true;
    return result;
  };
  return {
    ...source,
    async open(titlePath, signal, from) {
      const reopen = (at: ReadFrom | undefined) => ask(() => source.open(titlePath, signal, at), signal);
      const opened = await reopen(from);
      return opened === undefined ? undefined : steadyFile(titlePath, opened, from, { reopen, world, signal });
    },
    identify: (titlePath, signal) => ask(() => source.identify(titlePath, signal), signal),
  };
}

interface Reopening {
  readonly reopen: (from: ReadFrom) => Promise<OpenedFile | undefined>;
  readonly world: World;
  readonly signal: AbortSignal;
}

function steadyFile(
  titlePath: string,
  first: OpenedFile,
  from: ReadFrom | undefined,
  { reopen, world, signal }: Reopening,
): OpenedFile {
  const { sizeBytes, validator } = first;
  let opened = first;
  async function* readOn(): AsyncGenerator<Buffer> {
    let doneBytes = from?.startByte ?? 0;
    let lastFailureByte = doneBytes;
    for (let failures = 1; ; failures += 1) {
      try {
        for await (const chunk of opened.chunks) {
          doneBytes += chunk.length;
          yield chunk;
        }
        return;
      } catch (error) {
        if (doneBytes === sizeBytes) return;
        if (validator === undefined) throw error;
        if (doneBytes - lastFailureByte >= PROGRESS_BYTES) failures = 1;
        lastFailureByte = doneBytes;
        await waitOrThrow(error, failures, world, signal);
        const rest = await reopen({ startByte: doneBytes, validator });
        if (rest === undefined) throw new OperationalError('SOURCE_CHANGED', `${titlePath}: is gone`, { cause: error });
        opened = rest;
      }
    }
  }
  return { sizeBytes, validator, chunks: readOn(), close: () => opened.close() };
}
