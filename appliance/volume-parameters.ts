import { numberParameter } from '../src/config/parameter.ts';

const timeMs = (fallback: number, help: string) => numberParameter('ms', { min: 1, max: 600_000 }, fallback, help);

/** The knobs of the life of volumes: when they evict, and when a disk is not trusted any more. */
export const volumeParameters = {
  volumeReserveBytes: numberParameter(
    'bytes',
    { min: 0, max: 2 ** 53 - 1 },
    2 ** 30,
    "Kept free on each volume's file system, at most 5 % of it: a volume shrinks when others fill the disk.",
  ),
  volumeHighWatermark: numberParameter(
    'share',
    { min: 0.1, max: 1 },
    1,
    'Share of the capacity above which a volume evicts.',
  ),
  volumeLowWatermark: numberParameter(
    'share',
    { min: 0.05, max: 0.999 },
    0.98,
    'Share of the capacity down to which it then evicts, so that not every write does; below the high watermark.',
  ),
  volumeSlowMs: timeMs(
    1000,
    'A disk operation that takes longer is slow; many of them make a volume suspect or failing.',
  ),
  volumeHangMs: timeMs(10_000, 'A disk operation that has not ended by then makes its volume failing at once.'),
  volumeDrainMs: timeMs(10_000, 'How long a failing or removed volume is kept open for those who read from it.'),
  volumeProbeMs: timeMs(
    5000,
    'How often a volume in trouble is tried; one that is offline ever more rarely, and taken back after 3 good tries.',
  ),
};
