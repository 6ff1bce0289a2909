/** How much of a rendition a cluster holds or shall hold, as one byte of a column. */
export const HELD = { nothing: 0, head: 1, whole: 2 } as const;
