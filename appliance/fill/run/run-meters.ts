import type { TrafficLedger } from '../../report/traffic-ledger.ts';
import type { LinkUse } from '../pace/link-use.ts';
import type { SourceBans } from '../sources/source-bans.ts';

/** What a run tells of its bytes and their givers. */
export type LinkMeter = Pick<LinkUse, 'crossed'>;
export type TrafficMeter = Pick<TrafficLedger, 'took'>;
export type BanJudge = Pick<SourceBans, 'gaveWrong' | 'gaveRight' | 'isBanned'>;
