import { z } from 'zod';
import { parseContract } from './contract.ts';
import { applianceIdSchema, base64Schema, byteCountSchema } from './ids.ts';

/** Four bytes tell a million files apart well enough for a hint: who is asked in vain says so. */
const PREFIX_BYTES = 4;
const MAX_FILES = 1_000_000;

/**
 * `GET /v1/inventory`, between appliances: what one holds of its plan, so that others know whom to ask while the planner
 * is away. The lists of two plans differ, so files are named by the first four bytes of their manifest's root, in order:
 * 20,000 files are 107 KB. Who does not have the root from a plan of his own learns nothing from it. It is a hint, not a
 * promise: what comes is checked block by block.
 */
export const inventorySchema = z.object({
  version: z.literal(1),
  applianceId: applianceIdSchema,
  /** Of its plan; grows while it fills. */
  heldBytes: byteCountSchema,
  /** Files of which all is held that its plan wants. */
  roots: base64Schema.max(Math.ceil((MAX_FILES * PREFIX_BYTES) / 3) * 4),
});
export type Inventory = z.infer<typeof inventorySchema>;

const prefixOf = (root: string): number => Number.parseInt(root.slice(0, 2 * PREFIX_BYTES), 16);

/** @param roots of manifests, hex */
export function encodeRoots(roots: readonly string[]): string {
  const prefixes = Uint32Array.from(roots.slice(0, MAX_FILES), prefixOf).sort();
  const packed = Buffer.alloc(prefixes.length * PREFIX_BYTES);
  for (const [index, prefix] of prefixes.entries()) packed.writeUInt32BE(prefix, index * PREFIX_BYTES);
  return packed.toString('base64');
}

/** Tells of a root whether it is among them, as far as four bytes tell. */
export function decodeRoots(roots: string): (root: string) => boolean {
  const packed = Buffer.from(roots, 'base64');
  const prefixes = new Set<number>();
  for (let at = 0; at + PREFIX_BYTES <= packed.length; at += PREFIX_BYTES) prefixes.add(packed.readUInt32BE(at));
  return (root) => prefixes.has(prefixOf(root));
}

export const parseInventory = (body: unknown): Inventory => parseContract('inventory', inventorySchema, body);
