import { once } from 'node:events';
import { createWriteStream, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { CatalogueTitle } from '../../src/contracts/catalogue-snapshot.ts';
import type { Heartbeat } from '../../src/contracts/heartbeat.ts';
import { encodeHoldings, type HoldingLevel } from '../../src/contracts/holdings.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';
import { CatalogueStore } from '../../steering/catalogue/catalogue-store.ts';

/** What a steering under test knows: so many prefixes, appliances and files. */
export interface SteeringSize {
  readonly prefixes: number;
  readonly appliances: number;
  readonly files: number;
}

const FILES_PER_TITLE = 10;
const APPLIANCES_PER_SITE = 10;
/** Of each title so many appliances hold all files, in the fleet as large as it may be. */
const HOLDERS_SHARE = 0.05;

export const titleCountOf = ({ files }: SteeringSize): number => Math.ceil(files / FILES_PER_TITLE);
export const siteCountOf = ({ appliances }: SteeringSize): number => Math.ceil(appliances / APPLIANCES_PER_SITE);
export const titleIdAt = (index: number): string => `t${index.toString(36)}`;

/** Puts a catalogue and the plans' rendition lists into a state folder, as a steering leaves them that knew a planner. */
export function fillCatalogue(stateDir: string, size: SteeringSize): void {
  const store = new CatalogueStore(join(stateDir, 'catalogue.sqlite'), silentLogger);
  const titles = Array.from({ length: titleCountOf(size) }, (_, index) => titleAt(index));
  store.save({ snapshot: { version: 1, catalogueVersion: 1, titles }, etag: undefined, receivedAtMs: Date.now() });
  for (let appliance = 0; appliance < size.appliances; appliance += 1)
    store.saveList({
      version: 1,
      applianceId: applianceIdAt(appliance),
      planVersion: 1,
      renditions: heldTitles(appliance, size).flatMap((title) => renditionIdsOf(titleIdAt(title))),
    });
  store.close();
}

/** A fleet where every appliance has some load and holds its part of the titles. */
export function heartbeatOf(appliance: number, size: SteeringSize, sequence: number): Heartbeat {
  const softEgressBitsPerSec = 20e9;
  const levels = heldTitles(appliance, size).flatMap(() => renditionIdsOf('').map((): HoldingLevel => 'whole'));
  const site = `site-${Math.floor(appliance / APPLIANCES_PER_SITE)}`;
  return {
    version: 1,
    applianceId: applianceIdAt(appliance),
    siteId: site,
    clusterId: site,
    instanceId: `instance-of-${appliance}`,
    sequence,
    sentAtMs: Date.now(),
    softwareVersion: '0.1.0',
    publicUrl: `http://${applianceIdAt(appliance)}.example:8080`,
    state: 'serving',
    health: { healthy: true, reasons: [] },
    load: {
      egressBitsPerSec: softEgressBitsPerSec * (0.2 + ((appliance * 7) % 60) / 100),
      activeRequests: 1000,
      cpuShare: 0.5,
    },
    capacity: { softEgressBitsPerSec, hardEgressBitsPerSec: 24e9, maxActiveRequests: 100_000 },
    holdings: encodeHoldings(1, levels),
  };
}

/**
 * Writes a table of client prefixes. Real announcements in the order of a real routing table where the sample is there
 * (repeated in finer prefixes until there are enough), otherwise made up; every one in some site.
 * @returns an address in each of up to `wanted` of them, and where they are from
 */
export async function writePrefixes(
  file: string,
  size: SteeringSize,
  options: { readonly sample: string; readonly wanted: number },
): Promise<{ readonly addresses: string[]; readonly source: string }> {
  const real = existsSync(options.sample) ? realPrefixes(options.sample) : [];
  const out = createWriteStream(file);
  const addresses: string[] = [];
  const sites = siteCountOf(size);
  const every = Math.max(1, Math.floor(size.prefixes / options.wanted));
  // Halves of one announcement may be announced as well.
  const written = new Set<number>();
  for (let at = 0; written.size < size.prefixes; at += 1) {
    const { base, length } = real.length > 0 ? finerOf(real, at) : madeUp(at);
    if (written.has(base * 64 + length)) continue;
    written.add(base * 64 + length);
    if (written.size % every === 0) addresses.push(dotted(base + 1));
    if (!out.write(`${dotted(base)}/${length},site-${(at * 7919) % sites}\n`)) await once(out, 'drain');
  }
  out.end();
  await once(out, 'finish');
  return { addresses, source: real.length > 0 ? `${options.sample.split('/').at(-1)}, split finer` : 'made up' };
}

interface Prefix {
  readonly base: number;
  readonly length: number;
}

/** The announcements from /8 to /22 first, then their halves, quarters, and so on. */
function finerOf(real: readonly Prefix[], at: number): Prefix {
  const turn = Math.floor(at / real.length);
  const { base, length } = real[at % real.length] ?? madeUp(at);
  if (turn === 0) return { base, length };
  // Turn 1 and 2 are the halves, 3 to 6 the quarters.
  const depth = Math.floor(Math.log2(turn + 1));
  const part = turn + 1 - 2 ** depth;
  const finer = Math.min(32, length + depth);
  return { base: base + part * 2 ** (32 - finer), length: finer };
}

function realPrefixes(file: string): Prefix[] {
  const seen = new Set<string>();
  for (const line of gunzipSync(readFileSync(file)).toString('latin1').split('\n')) {
    const match = /^(\d+\.\d+\.\d+\.\d+)\/(\d+)\b/.exec(line);
    if (match !== null && Number(match[2]) >= 8 && Number(match[2]) <= 24) seen.add(`${match[1]}/${match[2]}`);
  }
  return [...seen].map((text) => {
    const [address = '', length = ''] = text.split('/');
    return { base: address.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0), length: Number(length) };
  });
}

/** Prefixes of 256 addresses one behind the other from 1.0.0.0 on. */
const madeUp = (at: number): Prefix => ({ base: 2 ** 24 + at * 256, length: 24 });

const dotted = (address: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');

const applianceIdAt = (index: number): string => `app-${index.toString(36)}`;

export function heldTitles(appliance: number, size: SteeringSize): number[] {
  const titles = titleCountOf(size);
  const count = Math.max(1, Math.round(titles * HOLDERS_SHARE));
  // The hundredth part of the titles that everybody watches is everywhere; of the others each its own.
  const popular = Math.ceil(titles / 100);
  return Array.from({ length: count }, (_, at) =>
    at < popular ? at : popular + ((appliance * 131 + at * 17) % Math.max(1, titles - popular)),
  );
}

export const renditionIdsOf = (titleId: string): string[] =>
  Array.from({ length: FILES_PER_TITLE }, (_, at) => `${titleId}/r${at}`);

export function titleAt(index: number): CatalogueTitle {
  const id = titleIdAt(index);
  return {
    id,
    name: `Title ${index}`,
    durationMs: 5_400_000,
    originUrl: 'http://origin.example:9000',
    renditions: renditionIdsOf(id).map((rendition, at) => ({
      id: rendition,
      kind: at < 8 ? 'video' : 'audio',
      files: [{ path: `/vod/${rendition}.mp4`, sizeBytes: 2 ** 30, root: 'a'.repeat(64) }],
      sizeBytes: 2 ** 30,
    })),
  };
}
