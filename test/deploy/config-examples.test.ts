import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { applianceCommand } from '../../appliance/main.ts';
import { parseFleet } from '../../fill-planner/fleet/fleet.ts';
import { fillPlannerCommand } from '../../fill-planner/main.ts';
import { exampleFile } from '../../src/cli/config-command.ts';
import { allParameters } from '../../src/cli/service-command.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import type { ParameterTable } from '../../src/config/parameter.ts';
import { steeringCommand } from '../../steering/main.ts';

const deploy = join(resolve(import.meta.dirname, '../..'), 'deploy');
const scratch = mkdtempSync(join(tmpdir(), 'oca-examples-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const TABLES: Readonly<Record<string, ParameterTable>> = {
  appliance: allParameters(applianceCommand),
  'fill-planner': allParameters(fillPlannerCommand),
  steering: allParameters(steeringCommand),
};
const read = (file: string): string => readFileSync(join(deploy, file), 'utf8');
const config = (service: string): Record<string, unknown> =>
  loadConfig(TABLES[service] ?? {}, { flags: {}, environment: {}, file: join(deploy, `config/${service}.json`) });

describe('the example configurations', () => {
  it('are there for the three services and nothing else', () => {
    const files = readdirSync(join(deploy, 'config')).filter((file) => file.endsWith('.json'));
    expect(files.sort()).toEqual(Object.keys(TABLES).map((service) => `${service}.json`));
  });

  it.each(Object.keys(TABLES))('of %s says nothing that its table refuses', (service) => {
    expect(() => config(service)).not.toThrow();
  });

  it.each(Object.keys(TABLES))(
    'of %s keeps its state where its unit may write, and its operators to themselves',
    (service) => {
      const unit = read(`systemd/oca-${service}.service`);
      const stateDirectory = /^StateDirectory=(.+)$/m.exec(unit)?.[1];
      const { state, adminListen, volume = [] } = config(service);
      expect(state).toBe(`/var/lib/${stateDirectory}`);
      expect(adminListen).toMatchObject({ host: '127.0.0.1' });
      for (const dir of volume as string[]) expect(dir.startsWith('/srv/oca/')).toBe(true);
      expect(unit).toContain(`--config /etc/oca/${service}.json`);
    },
  );

  it('give each listener of one machine a port of its own', () => {
    const ports = Object.keys(TABLES)
      .flatMap((service) => [config(service)['listen'], config(service)['adminListen']])
      .map((address) => (address as { port: number }).port);
    expect(new Set(ports).size).toBe(ports.length);
  });
});

describe("the operator's page", () => {
  const page = read('systemd/README.md');

  it('shows a fleet that the planner takes, with the appliance of the example configuration in it', () => {
    const fleet = parseFleet(JSON.parse(/<<'JSON'\n(.*?)\nJSON\n/s.exec(page)?.[1] ?? ''));
    const { id, site, cluster, publicUrl } = config('appliance');
    expect(fleet.appliances).toMatchObject([{ id, clusterId: cluster, baseUrl: publicUrl }]);
    expect(fleet.clusters).toMatchObject([{ id: cluster, siteId: site }]);
    expect(page).toContain(`oca enrol ${String(id)} `);
    expect(page).toContain(`oca enrol ${String(config('steering')['id'])} --role steering`);
  });

  it('speaks of every listener of operators by its port', () => {
    for (const service of Object.keys(TABLES)) {
      const { port } = config(service)['adminListen'] as { port: number };
      expect(page).toContain(`127.0.0.1:${port}`);
    }
  });
});

it.each(Object.entries(TABLES))('the file that oca config %s --example prints gives the defaults', (service, table) => {
  const file = join(scratch, `${service}.json`);
  writeFileSync(file, exampleFile(table));
  const none = { flags: {}, environment: {} };
  expect(loadConfig(table, { ...none, file })).toEqual(loadConfig(table, none));
});
