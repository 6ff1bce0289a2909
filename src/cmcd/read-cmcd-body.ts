import type { CmcdRecord } from './cmcd-record.ts';
import { readCmcd } from './read-cmcd.ts';

export interface CmcdBody {
  readonly records: readonly CmcdRecord[];
  /** Lines that are no record, or more than are read. */
  readonly malformed: number;
  /** Lines of a version that we do not know: left out whole (CTA-5004-B section 6.12). */
  readonly unknownVersion: number;
}

/** Of one session two a minute count, so no player has more; reading a thousand takes as long as hundreds of answers. */
const MAX_RECORDS = 128;

/** Records of event mode: one per line, blanks around them and empty lines do not count (section 3.3). Never throws. */
export function readCmcdBody(body: string): CmcdBody {
  const records: CmcdRecord[] = [];
  let malformed = 0;
  let unknownVersion = 0;
  for (const raw of body.split('\n')) {
    const line = raw.trim();
    if (line === '') continue;
    const reading = records.length < MAX_RECORDS ? readCmcd(line) : 'malformed';
    if (reading === 'malformed') malformed += 1;
    else if (reading === 'unknown-version') unknownVersion += 1;
    else records.push(reading);
  }
  return { records, malformed, unknownVersion };
}
