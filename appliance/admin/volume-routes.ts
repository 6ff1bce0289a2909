import { z } from 'zod';
import { parseContract } from '../../src/contracts/contract.ts';
import { type JsonReply, type JsonServer, sendProblem } from '../../src/server/json-server.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import type { VolumeAdmin, VolumeState } from '../store/object-store.ts';

const addSchema = z.object({
  dir: z.string().min(1).max(4096),
  capacityBytes: z.number().int().positive().optional(),
  content: z.enum(['refuse', 'keep', 'erase']).default('refuse'),
});

/**
 * The volumes of a running appliance.
 *
 *     GET  /v1/volumes                 {"volumes": [...], "removed": [folders that the configuration names all the same]}
 *     POST /v1/volumes                 {"dir", "capacityBytes"?, "content"?}: adds one; one that is there already is no error
 *     POST /v1/volumes/ID/drain        nothing new is put there, it is read on; undrain takes that back
 *     POST /v1/volumes/ID/remove       closes it and forgets it; its content stays on the disk
 *     POST /v1/volumes/ID/reinit       begins an empty volume in its folder, whatever is there
 *
 * ID is the UUID, or the folder, percent-encoded. Each may be repeated and says what is true afterwards.
 */
export function addVolumeRoutes(server: JsonServer, volumes: VolumeAdmin, logger: Logger): void {
  const all = () => ({ volumes: volumes.list(), removed: volumes.removed() });
  server.get('/v1/volumes', all);
  server.post('/v1/volumes', async (request) => {
    const add = parseContract('volume to add', addSchema, request.body);
    const volume = await volumes.add(add);
    logger.info({ volume: volume.dir, uuid: volume.uuid }, 'volume added');
    return { volume };
  });
  const on = (verb: string, change: (id: string) => Promise<VolumeState | void>): void => {
    server.post(`/v1/volumes/:id/${verb}`, async (request, reply: JsonReply) => {
      const { id } = parseContract('volume', z.object({ id: z.string().min(1) }), request.params);
      if (!volumes.knows(id)) {
        const known = volumes.list().map(({ dir }) => dir);
        return sendProblem(reply, 404, 'NOT_FOUND', `no volume '${id}' here; there are: ${known.join(', ') || 'none'}`);
      }
      const volume = await change(id);
      logger.info({ volume: id }, `volume: ${verb} done`);
      return volume === undefined ? all() : { volume };
    });
  };
  on('drain', (id) => volumes.setDraining(id, true));
  on('undrain', (id) => volumes.setDraining(id, false));
  on('remove', (id) => volumes.remove(id));
  on('reinit', (id) => volumes.reinit(id));
}
