import { expect, test } from 'vitest';
import { createProgressBar } from '../../../src/cli/progress-bar.ts';

function output(isTTY: boolean, columns = 60) {
  const written: string[] = [];
  return { written, isTTY, columns, write: (text: string) => written.push(text) };
}

test('on a terminal one line is drawn over, never wider than it, and cleared at the end', () => {
  const terminal = output(true, 40);
  const bar = createProgressBar(terminal);
  bar.update(0.5, 'a file with a name that is far too long for the line');
  bar.update(undefined, 'nobody knows');
  bar.end();
  expect(terminal.written.every((text) => text.startsWith('\r\x1b[K') && !text.includes('\n'))).toBe(true);
  expect(terminal.written[0]?.slice(4)).toMatch(/^\[#{12}\.{12}\] {2}50% a/);
  expect(terminal.written[0]?.slice(4).length).toBeLessThan(40);
  expect(terminal.written.at(-1)).toBe('\r\x1b[K');
});

test('elsewhere it writes whole lines, a tenth apart', () => {
  const log = output(false);
  const bar = createProgressBar(log);
  for (let step = 0; step <= 100; step += 1) bar.update(step / 100, `step ${step}`);
  bar.end();
  expect(log.written.length).toBeGreaterThanOrEqual(10);
  expect(log.written.length).toBeLessThanOrEqual(12);
  expect(log.written.every((line) => line.endsWith('\n') && !line.includes('\r'))).toBe(true);
});

test('elsewhere a text without a share is written when it changes', () => {
  const log = output(false);
  const bar = createProgressBar(log);
  bar.update(undefined, 'waiting');
  bar.update(undefined, 'waiting');
  bar.update(undefined, 'reading');
  expect(log.written).toEqual(['waiting\n', 'reading\n']);
});
