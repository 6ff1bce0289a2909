import { formatBitRate, formatBytes, formatTime } from './quantity.ts';
import { formatAmount, formatMoney, formatSaved, type SavingsReport, type SiteReport } from './savings-report.ts';

/**
 * The savings of a month as one HTML page that stands alone: no script, no font, nothing from elsewhere. Numbers first,
 * then a picture per site: each day a bar of what viewers were served, its lower part what crossed the link for it.
 */
const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP] = [860, 220, 72, 28, 14];
const TICKS = 4;
const SERVED = '#3f8f6b';
const CROSSED = '#c9822b';

const STYLE = `
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 900px; padding: 0 1rem; color: #1d2428; background: #fff }
h1 { font-size: 1.5rem; margin-bottom: 0 } h2 { font-size: 1.15rem; margin: 2.2rem 0 .3rem } p { margin: .3rem 0 1rem; color: #5b666e }
table { border-collapse: collapse; width: 100%; margin: .6rem 0; font-variant-numeric: tabular-nums }
th, td { padding: .3rem .6rem; text-align: right; border-bottom: 1px solid #dde3e6; white-space: nowrap } th { font-weight: 600; color: #5b666e; font-size: .85rem }
th:first-child, td:first-child { text-align: left } .loss { color: #b5443c } svg { display: block; width: 100%; height: auto }
.tiles { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1rem 0 } .tile { flex: 1 1 10rem; border: 1px solid #dde3e6; border-radius: 8px; padding: .6rem .9rem }
.tile b { display: block; font-size: 1.3rem; font-weight: 600 } .tile > span { color: #5b666e; font-size: .85rem }
.key { display: inline-block; width: .75rem; height: .75rem; border-radius: 2px; margin: 0 .3rem 0 .8rem; vertical-align: -1px }
@media (max-width: 640px) { th, td { white-space: normal; padding: .3rem } }
@media (prefers-color-scheme: dark) { body { color: #dfe5e8; background: #14191c } th, td, .tile { border-color: #323b40 } p, th, .tile > span { color: #9aa6ad } }`;

export function savingsPage(report: SavingsReport): string {
  const { month, isRunning, madeAtMs, sites, isps } = report;
  const title = `Savings of ${month}`;
  const ispRows = isps.map(({ isp, siteCount, servedBytes, crossedBytes, savedBytes, savedMoney }) => [
    escape(isp),
    String(siteCount),
    formatBytes(servedBytes),
    formatBytes(crossedBytes),
    saved(savedBytes),
    Object.entries(savedMoney)
      .map(([currency, amount]) => formatAmount(amount, currency))
      .join(', ') || '–',
  ]);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title>
<style>${STYLE}</style></head><body>
<h1>${title}</h1>
<p>${isRunning ? `The month so far, until ${formatTime(madeAtMs)}.` : `Made ${formatTime(madeAtMs)}.`} Saved is what viewers
were served less what crossed the site's link for it: fills and misses from other sites and from the origin.</p>
${table(['ISP', 'Sites', 'Served', 'Crossed the link', 'Saved', 'Money'], ispRows)}
${sites.map(siteSection).join('\n')}
</body></html>
`;
}

function siteSection(site: SiteReport): string {
  const { siteId, isp, region, rates, filledBytes: fill, missedBytes: miss } = site;
  const tiles = [
    [formatBytes(site.servedBytes), 'served to viewers'],
    [
      saved(site.savedBytes),
      site.savedBytes < 0 ? 'more was taken in than served' : `saved, ${Math.round(site.savedShare * 100)} % of it`,
    ],
    ...(rates === undefined
      ? []
      : [
          [
            `${formatBitRate(rates.servedBitsPerSec)} → ${formatBitRate(rates.crossedBitsPerSec)}`,
            'billed rate (95th percentile) without and with',
          ],
        ]),
    ...(site.savedMoney === undefined ? [] : [[formatMoney(site.savedMoney), 'saved at the stated price']]),
  ].map(([value = '', what = '']) => `<div class="tile"><b>${value}</b><span>${what}</span></div>`);
  const taken = [
    ['for the plan', ...[fill.peer, fill.tier, fill.origin].map(formatBytes)],
    ['for viewers who waited', ...[miss.peer, miss.tier, miss.origin].map(formatBytes)],
  ];
  const disks = site.appliances.map(({ applianceId, servedBytes, churnPerDay, writesPerDay, wornShare }) => [
    escape(applianceId),
    formatBytes(servedBytes),
    `${(churnPerDay * 100).toFixed(2)} %`,
    `${(writesPerDay * 100).toFixed(2)} %`,
    wornShare === undefined ? '–' : `${Math.round(wornShare * 100)} %`,
  ]);
  return `<h2>${escape(siteId)}${isp === undefined ? '' : `, ${escape(isp)}`}</h2>
<p>Region ${escape(region)}. Filled ${formatBytes(site.filledInWindowBytes)} in the window and
${formatBytes(site.filledOutsideBytes)} outside of it.</p>
<div class="tiles">${tiles.join('')}</div>
<p><span class="key" style="background:${SERVED}"></span>served from the appliances<span class="key"
style="background:${CROSSED}"></span>crossed the link, by day</p>
${picture(site.days)}
${table(['Taken in', 'from peers', 'from other sites', 'from the origin'], taken)}
${table(['Appliance', 'Served', 'Churn per day', 'Written per day', 'Of endurance'], disks)}`;
}

/** Bars by day. Where more crossed than was served, the bar of what crossed stands above the other. */
function picture(days: SiteReport['days']): string {
  const highest = roundAbove(
    Math.max(...days.map(({ servedBytes, crossedBytes }) => Math.max(servedBytes, crossedBytes))),
  );
  const plotHeight = HEIGHT - BOTTOM - TOP;
  const heightOf = (bytes: number): number => (bytes / highest) * plotHeight;
  const step = (WIDTH - LEFT) / Math.max(1, days.length);
  const grid = Array.from({ length: TICKS + 1 }, (_, tick) => {
    const y = TOP + plotHeight - (plotHeight * tick) / TICKS;
    return (
      `<line x1="${LEFT}" x2="${WIDTH}" y1="${y}" y2="${y}" stroke="#8a949a" stroke-width="0.4"/>` +
      `<text x="${LEFT - 8}" y="${y + 4}" text-anchor="end">${formatBytes((highest * tick) / TICKS)}</text>`
    );
  });
  const bars = days.map(({ day, servedBytes, crossedBytes }, index) => {
    const x = LEFT + index * step + step * 0.15;
    const bar = (bytes: number, color: string): string =>
      `<rect x="${x.toFixed(1)}" y="${(TOP + plotHeight - heightOf(bytes)).toFixed(1)}" width="${(step * 0.7).toFixed(1)}" height="${heightOf(bytes).toFixed(1)}" fill="${color}"/>`;
    const isLabelled = index % Math.max(1, Math.ceil(days.length / 16)) === 0;
    const label = isLabelled
      ? `<text x="${(x + step * 0.35).toFixed(1)}" y="${HEIGHT - 8}" text-anchor="middle">${Number(day.slice(8))}</text>`
      : '';
    const says = `<title>${day}: ${formatBytes(servedBytes)} served, ${formatBytes(crossedBytes)} crossed</title>`;
    return `<g>${says}${bar(servedBytes, SERVED)}${bar(crossedBytes, CROSSED)}${label}</g>`;
  });
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="11" fill="#8a949a" role="img" aria-label="served and crossed bytes by day">${grid.join('')}${bars.join('')}</svg>`;
}

/** The next of 1, 2, 4 and 8 times a power of ten: its quarters are short numbers. */
function roundAbove(bytes: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, bytes)));
  return power * ([1, 2, 4, 8].find((factor) => factor * power >= bytes) ?? 10);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (tag: 'th' | 'td', row: readonly string[]): string =>
    row.map((cell) => `<${tag}>${cell}</${tag}>`).join('');
  return `<table><tr>${cells('th', head)}</tr>${rows.map((row) => `<tr>${cells('td', row)}</tr>`).join('')}</table>`;
}

const saved = (bytes: number): string =>
  bytes < 0 ? `<span class="loss">${formatSaved(bytes)}</span>` : formatSaved(bytes);

const escape = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
