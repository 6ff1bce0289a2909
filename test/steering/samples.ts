import type { CatalogueSnapshot, CatalogueTitle } from '../../src/contracts/catalogue-snapshot.ts';
import type { Heartbeat } from '../../src/contracts/heartbeat.ts';
import { encodeHoldings, type HoldingLevel } from '../../src/contracts/holdings.ts';

/** Valid bodies for tests; each test changes what it is about. */
export const NOW_MS = Date.UTC(2030, 0, 7, 1, 30);

export function heartbeat(applianceId: string, changes: Partial<Heartbeat> = {}): Heartbeat {
  return {
    version: 1,
    applianceId,
    siteId: 'north',
    clusterId: 'north',
    instanceId: `instance-of-${applianceId}`,
    sequence: 1,
    sentAtMs: NOW_MS,
    softwareVersion: '0.1.0',
    publicUrl: `http://${applianceId}.example:8080`,
    state: 'serving',
    health: { healthy: true, reasons: [] },
    load: { egressBitsPerSec: 0, activeRequests: 0, cpuShare: 0 },
    capacity: { softEgressBitsPerSec: 1e9, hardEgressBitsPerSec: 2e9, maxActiveRequests: 1000 },
    ...changes,
  };
}

const MPD = `<?xml version="1.0" encoding="utf-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT72S" minBufferTime="PT2S">
  <ProgramInformation><Title>Bars &amp; tone</Title></ProgramInformation>
  <Period id="0">
    <AdaptationSet contentType="video" mimeType="video/mp4">
      <Representation id="v144" bandwidth="83768" codecs="avc1.4d400c">
        <BaseURL>v144.mp4</BaseURL>
        <SegmentBase indexRange="760-1231"/>
      </Representation>
    </AdaptationSet>
  </Period>
</MPD>
`;

export function title(id: string, changes: Partial<CatalogueTitle> = {}): CatalogueTitle {
  const file = (name: string, sizeBytes: number) => ({
    id: `${id}/${name.split('.')[0]}`,
    kind: 'video' as const,
    files: [{ path: `/vod/${id}/${name}`, sizeBytes, root: 'a'.repeat(64) }],
    sizeBytes,
  });
  return {
    id,
    name: `Title ${id}`,
    durationMs: 72_000,
    originUrl: 'http://origin.example:9000',
    renditions: [
      file('v144.mp4', 1_000_000),
      file('v360.mp4', 3_000_000),
      { ...file('a48.mp4', 400_000), kind: 'audio' },
      { ...file('manifest.mpd', 2000), kind: 'manifest' },
    ],
    hls: {
      version: 7,
      independentSegments: true,
      variants: [
        {
          renditionId: `${id}/v144`,
          playlistPath: `/vod/${id}/v144.m3u8`,
          bandwidthBitsPerSec: 138_339,
          averageBandwidthBitsPerSec: 128_849,
          codecs: 'avc1.4d400c,mp4a.40.2',
          width: 256,
          height: 144,
          frameRate: 25,
          audioGroup: 'audio',
        },
        {
          renditionId: `${id}/v360`,
          playlistPath: `/vod/${id}/v360.m3u8`,
          bandwidthBitsPerSec: 324_143,
          codecs: 'avc1.4d401e,mp4a.40.2',
          width: 640,
          height: 360,
          audioGroup: 'audio',
        },
      ],
      media: [
        {
          renditionId: `${id}/a48`,
          playlistPath: `/vod/${id}/a48.m3u8`,
          type: 'AUDIO',
          group: 'audio',
          name: 'Tone',
          language: 'en',
          channels: '1',
          default: true,
          autoselect: true,
        },
      ],
    },
    dash: { path: `/vod/${id}/manifest.mpd`, mpd: MPD },
    ...changes,
  };
}

export const snapshot = (titles: CatalogueTitle[], catalogueVersion = 1): CatalogueSnapshot => ({
  version: 1,
  catalogueVersion,
  titles,
});

export const renditionIds = (of: CatalogueTitle): string[] => of.renditions.map(({ id }) => id);

/** Holdings of a plan that lists the title's renditions, all at one level. */
export const holdingsOf = (of: CatalogueTitle, level: HoldingLevel, planVersion = 1): Heartbeat['holdings'] =>
  encodeHoldings(
    planVersion,
    of.renditions.map(() => level),
  );
