import { availableParallelism } from 'node:os';
import type { ApplianceConfig } from '../../config.ts';
import { type Libc, loadLibc } from '../../kernel/libc.ts';
import type { EngineMemory } from './engine-memory.ts';

/** More threads than this send more than any network card takes. */
const MAX_THREADS = 64;

export type EngineChoice =
  | { readonly kind: 'fast'; readonly libc: Libc; readonly threads: number }
  /** `isFallback`: the configuration says fast, and it cannot be. */
  | { readonly kind: 'reference'; readonly because: string; readonly isFallback: boolean };

/** Which engine serves: the configured one, where it can and has not crashed of late. */
export function chooseEngine(
  { engine }: Pick<ApplianceConfig, 'engine'>,
  memory: Pick<EngineMemory, 'whyToRest'>,
): EngineChoice {
  if (engine === 'reference') return { kind: 'reference', because: '--engine reference', isFallback: false };
  const loaded = loadLibc();
  if (loaded.kind === 'missing') return { kind: 'reference', because: loaded.because, isFallback: true };
  const because = memory.whyToRest();
  if (because !== undefined) return { kind: 'reference', because, isFallback: true };
  return { kind: 'fast', libc: loaded.libc, threads: Math.min(availableParallelism(), MAX_THREADS) };
}
