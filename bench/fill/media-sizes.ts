import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { MediaSizes } from './generated-fleet.ts';

/** The title whose segments are in the sample lasts so long. */
const SAMPLE_SEC = 194;
const SHORTEST_FILM_HOURS = 0.5;
const LONGEST_FILM_HOURS = 4;

/** Rungs of a real title and runtimes of a real catalogue, where the samples are there; else figures of our own. */
export function readMediaSizes(dataDir: string): MediaSizes {
  const segmentsFile = join(dataDir, 'media/segment-sizes-six-bitrates.tsv');
  const catalogueFile = join(dataDir, 'popularity/catalogue-2024H1.tsv.gz');
  if (!existsSync(segmentsFile) || !existsSync(catalogueFile)) {
    return {
      source: 'sizes of our own: the samples are not there',
      rungBitsPerSec: [300e3, 750e3, 1.2e6, 1.9e6, 2.9e6, 4.3e6],
      filmHours: [1.2, 1.5, 1.6, 1.7, 1.9, 2, 2.3],
    };
  }
  const bytes = new Map<string, number>();
  for (const line of readFileSync(segmentsFile, 'utf8').split('\n')) {
    const [size = '', path = ''] = line.split('\t');
    const rung = /\/(video\d)\//.exec(path)?.[1];
    if (rung !== undefined) bytes.set(rung, (bytes.get(rung) ?? 0) + Number(size));
  }
  const filmHours = gunzipSync(readFileSync(catalogueFile))
    .toString()
    .split('\n')
    .filter((line) => !line.startsWith('tv') && !line.startsWith('kind'))
    .map((line) => Number(line.split('\t')[7]))
    .filter((hours) => hours >= SHORTEST_FILM_HOURS && hours <= LONGEST_FILM_HOURS);
  return {
    source: 'segments of a real title at six bitrates, runtimes of films of a real catalogue',
    rungBitsPerSec: [...bytes.values()].map((each) => (each * 8) / SAMPLE_SEC).sort((a, b) => a - b),
    filmHours,
  };
}
