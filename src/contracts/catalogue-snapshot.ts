import { z } from 'zod';
import { parseContract } from './contract.ts';
import {
  baseUrlSchema,
  byteCountSchema,
  filePathSchema,
  renditionIdSchema,
  sha256HexSchema,
  titleIdSchema,
} from './ids.ts';

const catalogueFileSchema = z.object({ path: filePathSchema, sizeBytes: byteCountSchema, root: sha256HexSchema });

/** One encoding: a single file, or an ordered list of segment files, with its HLS media playlist where it has one. */
export const renditionSchema = z.object({
  id: renditionIdSchema,
  kind: z.enum(['video', 'audio', 'text', 'manifest']),
  files: z.array(catalogueFileSchema).min(1).max(100_000),
  sizeBytes: byteCountSchema,
});
export type CatalogueRendition = z.infer<typeof renditionSchema>;

/** What steering needs to write the multivariant playlist of a title with pathways in it. */
const hlsSchema = z.object({
  version: z.number().int().positive(),
  independentSegments: z.boolean(),
  variants: z
    .array(
      z.object({
        renditionId: renditionIdSchema,
        playlistPath: filePathSchema,
        bandwidthBitsPerSec: z.number().int().positive(),
        averageBandwidthBitsPerSec: z.number().int().positive().optional(),
        codecs: z.string().max(200).optional(),
        width: z.number().int().positive().optional(),
        height: z.number().int().positive().optional(),
        frameRate: z.number().positive().optional(),
        audioGroup: z.string().max(64).optional(),
      }),
    )
    .min(1)
    .max(64),
  media: z
    .array(
      z.object({
        renditionId: renditionIdSchema,
        playlistPath: filePathSchema,
        type: z.enum(['AUDIO', 'SUBTITLES']),
        group: z.string().max(64),
        name: z.string().max(128),
        language: z.string().max(35).optional(),
        channels: z.string().max(32).optional(),
        default: z.boolean(),
        autoselect: z.boolean(),
      }),
    )
    .max(64),
});

const titleSchema = z.object({
  id: titleIdSchema,
  name: z.string().max(200),
  durationMs: z.number().int().nonnegative(),
  /** The provider's own store: the last resort of every answer. */
  originUrl: baseUrlSchema,
  renditions: z.array(renditionSchema).min(1).max(1000),
  hls: hlsSchema.optional(),
  /** The packager's MPD as text, and its path, which relative URLs in it resolve against. */
  dash: z.object({ path: filePathSchema, mpd: z.string().max(4_000_000) }).optional(),
});
export type CatalogueTitle = z.infer<typeof titleSchema>;

/** `GET /v1/catalogue` (conditional): all titles. Steering keeps the last copy and renders from it, planner or not. */
export const catalogueSnapshotSchema = z.object({
  version: z.literal(1),
  catalogueVersion: z.number().int().nonnegative(),
  titles: z.array(titleSchema).max(100_000),
});
export type CatalogueSnapshot = z.infer<typeof catalogueSnapshotSchema>;

export const parseCatalogueSnapshot = (body: unknown): CatalogueSnapshot =>
  parseContract('catalogue snapshot', catalogueSnapshotSchema, body);
