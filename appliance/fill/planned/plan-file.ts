import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { mkdir, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { parseContract } from '../../../src/contracts/contract.ts';
import { messageOf, OperationalError } from '../../../src/errors/operational-error.ts';
import { readStateFile, replaceFile, writeStateFile } from '../../../src/state/state-file.ts';

/**
 * The last good plan and its manifests on disk, so that an appliance fills and checks without the planner. Documents
 * are kept as they were received, unknown members included, because their signatures cover those too; they are checked
 * again when they are read. No fsync: what a power cut tears is found by that check and fetched again.
 */
const keptPlanSchema = z.object({ version: z.literal(1), etag: z.string().optional(), plan: z.unknown() });

const NAMES_AT_ONCE = 500;
const MANIFEST_NAME = /^([0-9a-f]{64})\.json$/;

export interface KeptPlan {
  readonly etag: string | undefined;
  /** As received; unchecked. */
  readonly plan: unknown;
}

export class PlanFile {
  /** Where all of it is. */
  readonly stateDir: string;
  readonly #planFile: string;
  readonly #manifestDir: string;

  constructor(stateDir: string) {
    this.stateDir = stateDir;
    this.#planFile = join(stateDir, 'plan.json');
    this.#manifestDir = join(stateDir, 'manifests');
  }

  /** Bytes of the kept plan; undefined when there is none. @throws OperationalError VOLUME_IO */
  planBytes(): number | undefined {
    try {
      return statSync(this.#planFile, { throwIfNoEntry: false })?.size;
    } catch (error) {
      throw new OperationalError('VOLUME_IO', `${this.#planFile}: ${messageOf(error)}`, { cause: error });
    }
  }

  /** @throws OperationalError STATE_CORRUPT, VOLUME_IO; the caller goes on without a plan and fetches it. */
  readPlan(): KeptPlan | undefined {
    const document = readStateFile(this.#planFile);
    if (document === undefined) return undefined;
    try {
      const { etag, plan } = parseContract('kept plan', keptPlanSchema, document);
      return { etag, plan };
    } catch (error) {
      throw new OperationalError('STATE_CORRUPT', `${this.#planFile}: ${messageOf(error)}`, { cause: error });
    }
  }

  /** @throws OperationalError VOLUME_FULL, VOLUME_IO */
  writePlan(kept: KeptPlan): void {
    writeStateFile(this.#planFile, { version: 1, ...kept }, { durable: false });
  }

  /** The same of a plan that is JSON already. @throws OperationalError VOLUME_FULL, VOLUME_IO */
  writePlanText(etag: string | undefined, plan: string): void {
    const tag = etag === undefined ? '' : `"etag":${JSON.stringify(etag)},`;
    replaceFile(this.#planFile, `{"version":1,${tag}"plan":${plan}}`, { durable: false });
  }

  /** The roots whose manifests are kept. @throws OperationalError VOLUME_IO */
  manifestRoots(): Set<string> {
    try {
      mkdirSync(this.#manifestDir, { recursive: true });
      const roots = readdirSync(this.#manifestDir).map((name) => MANIFEST_NAME.exec(name)?.[1]);
      return new Set(roots.filter((root) => root !== undefined));
    } catch (error) {
      throw new OperationalError('VOLUME_IO', `${this.#manifestDir}: ${messageOf(error)}`, { cause: error });
    }
  }

  /** The same for as many as a large plan has: the event loop is left to others in between. @throws OperationalError VOLUME_IO */
  async listManifestRoots(): Promise<Set<string>> {
    try {
      await mkdir(this.#manifestDir, { recursive: true });
      const roots = new Set<string>();
      for await (const { name } of await opendir(this.#manifestDir, { bufferSize: NAMES_AT_ONCE })) {
        const root = MANIFEST_NAME.exec(name)?.[1];
        if (root !== undefined) roots.add(root);
      }
      return roots;
    } catch (error) {
      throw new OperationalError('VOLUME_IO', `${this.#manifestDir}: ${messageOf(error)}`, { cause: error });
    }
  }

  /** The manifest as received, unchecked; undefined when it is not kept. @throws OperationalError STATE_CORRUPT, VOLUME_IO */
  readManifest(root: string): unknown {
    return readStateFile(this.#manifestFile(root));
  }

  /** @throws OperationalError VOLUME_FULL, VOLUME_IO */
  writeManifest(root: string, manifest: unknown): void {
    writeStateFile(this.#manifestFile(root), manifest, { durable: false });
  }

  /** Never throws: a manifest too many costs a few kilobytes. */
  removeManifest(root: string): void {
    try {
      rmSync(this.#manifestFile(root), { force: true });
    } catch {
      // It stays until the next plan.
    }
  }

  #manifestFile(root: string): string {
    return join(this.#manifestDir, `${root}.json`);
  }
}
