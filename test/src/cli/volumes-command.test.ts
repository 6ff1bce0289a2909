import { expect, it } from 'vitest';
import { describeVolumes } from '../../../src/cli/volumes-command.ts';

const volume = {
  uuid: '7a3c9f52-1b7e-4c55-9a60-2f1d0c8b6e11',
  dir: '/srv/oca/disk1',
  state: 'online',
  writes: 'taken',
  isDraining: false,
  capacityBytes: 4e12,
  usedBytes: 3.2e12,
  freeBytes: 8e11,
  objectCount: 120_000,
  errorCount: 0,
};

it('shows volumes as a table, with what is wrong and what was removed below it', () => {
  const away = {
    ...volume,
    dir: '/srv/oca/disk2',
    state: 'offline',
    writes: 'refused',
    reason: 'the disk that was here is not mounted',
    isDraining: true,
    freeBytes: undefined,
  };
  const text = describeVolumes({ volumes: [volume, away], removed: ['/srv/oca/disk3'] });
  expect(text.split('\n').slice(0, 1)[0]).toMatch(
    /^VOLUME +STATE +WRITES +CAPACITY +USED +FREE +OBJECTS +ERRORS +UUID$/,
  );
  expect(text).toMatch(/disk1 +online +taken +4\.00 TB +3\.20 TB +800 GB +120000 +0 +7a3c/);
  expect(text).toMatch(/disk2 +offline, draining +refused/);
  expect(text).toContain('/srv/oca/disk2: the disk that was here is not mounted\n');
  expect(text).toContain("/srv/oca/disk3: removed; 'oca volumes add /srv/oca/disk3' takes it back\n");
});

it('says what to do when there is none', () => {
  expect(describeVolumes({ volumes: [], removed: [] })).toBe("No volumes: 'oca volumes add DIR'\n");
});
