import { writeFile } from 'node:fs/promises';
import { messageOf, OperationalError } from '../errors/operational-error.ts';
import { Command } from './commander.ts';
import { askPlanner, plannerAdminOption } from './planner-admin.ts';
import { savingsPage } from './savings-page.ts';
import { describeSavings, parseSavings } from './savings-report.ts';

const HELP = `
  oca savings                            this month so far, by site
  oca savings --month 2026-11 --site berlin
  oca savings --month 2026-11 --html november.html

Saved is what viewers were served less what crossed the site's link for it: fills and misses from other sites and from the
origin. The billed rate is the 95th percentile of five minutes, of this traffic alone: WITHOUT is what the link would have
carried, WITH is what it carried. Months are UTC. Appliances tell every minute; 13 months are kept.

Money needs prices in the fleet document, for each site, and the ISP's name for sums:
  {"id": "berlin", "isp": "Example Net", "transit": {"perTerabyte": 4.5, "currency": "EUR"}, ...}
or "perMbpsMonth" where the 95th percentile is billed.`;

interface Options {
  readonly plannerAdmin: string;
  readonly month?: string;
  readonly site?: string;
  readonly json?: boolean;
  readonly html?: string;
}

export function savingsCommand(): Command {
  return new Command('savings')
    .description('What the appliances saved their ISPs in a month: in bytes, in billed rate and in money.')
    .option('--month <YYYY-MM>', '[default: this one, so far]')
    .option('--site <ID>', 'only this site')
    .option('--json', 'print the answer as it is')
    .option('--html <FILE>', 'write a page with pictures')
    .addOption(plannerAdminOption())
    .addHelpText('after', HELP)
    .action(showSavings);
}

async function showSavings({ plannerAdmin, month, site, json, html }: Options): Promise<void> {
  const query = new URLSearchParams({
    ...(month === undefined ? {} : { month }),
    ...(site === undefined ? {} : { site }),
  });
  const report = parseSavings(await askPlanner(plannerAdmin, `/v1/savings?${query.toString()}`));
  if (html !== undefined) {
    try {
      await writeFile(html, savingsPage(report));
    } catch (error) {
      throw new OperationalError('CONFIG_INVALID', `--html ${html}: ${messageOf(error)}`, { cause: error });
    }
    process.stdout.write(`wrote ${html}\n`);
    return;
  }
  process.stdout.write(json === true ? `${JSON.stringify(report, null, 2)}\n` : describeSavings(report));
}
