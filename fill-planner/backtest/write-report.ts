import type { BacktestReport, ReportTable } from './run-backtest.ts';

/** One page without any other file. */
export function reportPage({ source, tables, plots }: BacktestReport): string {
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Backtest of the fill planner</title><style>',
    'body{font:15px/1.5 sans-serif;max-width:900px;margin:2em auto;padding:0 1em;color-scheme:light dark}',
    'table{border-collapse:collapse;width:100%;margin:0 0 2em}td,th{padding:.25em .6em;border-bottom:1px solid #8886}',
    'td,th{text-align:right;font-variant-numeric:tabular-nums}td:first-child,th:first-child{text-align:left}',
    'svg{width:100%;margin:1em 0}</style></head><body>',
    `<h1>Backtest of the fill planner</h1><p>History: ${source}. Rolling origin: nothing later than the forecast is learned from.`,
    'In brackets: 95 % of redraws over weeks.</p>',
    ...tables.map(tableOf),
    ...plots,
    '</body></html>\n',
  ].join('\n');
}

function tableOf({ title, head, rows }: ReportTable): string {
  const line = (cells: readonly string[], tag: string): string =>
    `<tr>${cells.map((cell) => `<${tag}>${cell}</${tag}>`).join('')}</tr>`;
  return `<h2>${title}</h2><table>${line(head, 'th')}${rows.map((cells) => line(cells, 'td')).join('')}</table>`;
}

/** The same for a terminal. */
export function tableText({ title, head, rows }: ReportTable): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((cells) => (cells[column] ?? '').length)));
  const lines = all.map((cells) => cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '));
  return [title, ...lines.map((line) => `  ${line.trimEnd()}`), ''].join('\n');
}
