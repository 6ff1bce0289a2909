import { Option } from './commander.ts';

/** The option of every tool that talks to an appliance's admin listener. */
export const applianceAdminOption = (): Option =>
  new Option('--appliance-admin <URL>', "the appliance's admin listener")
    .env('OCA_APPLIANCE_ADMIN')
    .default('http://127.0.0.1:8081');
