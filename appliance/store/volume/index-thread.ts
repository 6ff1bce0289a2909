import { workerData } from 'node:worker_threads';
import { isOperational, OperationalError } from '../../../src/errors/operational-error.ts';
import { buffersOf } from '../files/packed-rows.ts';
import { readVolume } from '../files/read-volume.ts';
import { rebuildIndex } from '../files/rebuild-index.ts';
import { bury } from '../files/tail-on-disk.ts';
import { ObjectIndex } from '../object-index.ts';
import { diskFailure } from './data-file.ts';
import type { FromIndex, IndexBatch, IndexFailure, IndexThreadData, ToIndex } from './index-messages.ts';
import { VolumeLayout } from './volume-layout.ts';

/**
 * The program of a volume's own thread: it has the index to itself.
 *
 * SQLite's calls are synchronous, a checkpoint waits for the disk, and a disk that dies may keep it waiting for ever;
 * none of this may stop the loop that serves. So the thread opens the index, tells everything that is in it, and from
 * then on turns one message into one transaction and one answer. It is a synchronous program: nothing in it awaits.
 */
const { dir, durability, port } = workerData as IndexThreadData;
const layout = new VolumeLayout(dir);
let index: ObjectIndex | undefined;

const tell = (message: FromIndex): void => port.postMessage(message);

port.on('message', (message: ToIndex) => {
  if (message.kind === 'commit') commit(message.sequence, message.batch);
  else close();
});
load();

function load(): void {
  try {
    openAndTell();
  } catch (error) {
    index?.close();
    index = undefined;
    tell({ kind: 'not-loaded', failure: failureOf(error) });
  }
}

function openAndTell(): void {
  try {
    layout.prepare();
    tellEverything(openIndex());
  } catch (error) {
    // An index of a newer version says so by itself, without a cause, and is left alone.
    if (!isOperational(error, 'STATE_CORRUPT') || error.cause === undefined) throw error;
    index?.close();
    tell({ kind: 'set-aside', aside: layout.setIndexAside(), detail: error.detail });
    tellEverything(openIndex());
  }
}

function openIndex(): ObjectIndex {
  try {
    index = new ObjectIndex(layout.indexPath, durability);
    layout.nameHolder(process.pid);
  } catch (error) {
    throw isOperational(error, 'STATE_IN_USE') ? layout.inUse(error) : error;
  }
  // An index that does not know all that is there, or is new, is made complete first.
  if (!index.isComplete) {
    rebuildIndex(index, layout, (progress) => tell({ kind: 'rebuilding', progress }));
    index.setComplete();
  }
  return index;
}

function tellEverything(from: ObjectIndex): void {
  const { found, order } = readVolume(from, layout, {
    rows: (rows) => port.postMessage({ kind: 'rows', rows } satisfies FromIndex, buffersOf(rows)),
    alive: () => tell({ kind: 'alive' }),
  });
  port.postMessage({ kind: 'loaded', found, order } satisfies FromIndex, [order.buffer as ArrayBuffer]);
}

function commit(sequence: number, batch: IndexBatch): void {
  let failure: IndexFailure | undefined;
  try {
    if (index === undefined) throw new OperationalError('VOLUME_IO', `${dir}: the index is closed`);
    write(index, batch);
  } catch (error) {
    failure = failureOf(error);
  }
  tell({ kind: 'committed', sequence, failure });
}

function write(to: ObjectIndex, { deleted, buried, objects, pages, uses }: IndexBatch): void {
  for (const file of buried) {
    try {
      bury(file);
    } catch {
      // It matters only if the index is lost before the file goes; that the row goes matters more.
    }
  }
  to.transaction(() => {
    for (const generation of deleted) to.deleteObject(generation);
    for (const [generation, description] of objects) to.putObject(generation, description);
    for (const [generation, page, held] of pages) to.putPage(generation, page, held);
    for (const [generation, usedAtMs] of uses) to.putUse(generation, usedAtMs);
  });
}

function close(): void {
  index?.close();
  index = undefined;
  tell({ kind: 'closed' });
  port.close();
}

/** What is no failure of the disk is a bug, and ends the thread, which the volume hears of. */
function failureOf(error: unknown): IndexFailure {
  if (!isOperational(error) && !(error instanceof Error && 'errno' in error)) throw error;
  const { code, detail } = diskFailure(error, dir);
  return { code, detail };
}
