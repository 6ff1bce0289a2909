import type { Logger } from '../../src/telemetry/logger.ts';
import type { CatalogStore } from '../catalog/catalog-store.ts';
import type { CalendarStore } from './calendar-store.ts';

export interface RetiringParts {
  readonly calendar: Pick<CalendarStore, 'dueDeletions' | 'noteDeleted'>;
  readonly catalog: Pick<CatalogStore, 'renditions' | 'filesOf' | 'remove'>;
  /** Purges paths everywhere, once under one name. */
  readonly purge: (triggerId: string, paths: readonly string[], titleId: string) => void;
  readonly logger: Logger;
}

/**
 * Deletes the titles whose grace has ended: purged from every appliance, then gone from the catalogue. It may be cut off
 * anywhere and begun again: the purge has one name, and what is noted last is done last.
 */
export function deleteRetired({ calendar, catalog, purge, logger }: RetiringParts, nowMs: number): void {
  for (const retirement of calendar.dueDeletions(nowMs)) {
    const { titleId, deletesAtMs } = retirement;
    const paths = catalog
      .renditions()
      .filter((rendition) => rendition.titleId === titleId)
      .flatMap(({ id }) => catalog.filesOf(id).map(({ path }) => path));
    if (paths.length > 0) {
      purge(`retired-${titleId}-${deletesAtMs}`, paths, titleId);
      catalog.remove(titleId);
    }
    calendar.noteDeleted(retirement);
    logger.info({ title: titleId, files: paths.length }, 'a retired title is deleted');
  }
}
