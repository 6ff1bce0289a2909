import { expect, test } from 'vitest';
import { savingsPage } from '../../../src/cli/savings-page.ts';
import {
  describeSavings,
  formatAmount,
  parseSavings,
  type SavingsReport,
  type SiteReport,
} from '../../../src/cli/savings-report.ts';

const by = (peer: number, tier: number, origin: number) => ({ peer, tier, origin });
const site = (change: Partial<SiteReport> = {}): SiteReport => ({
  siteId: 'berlin',
  isp: 'Example <Net>',
  region: 'de',
  servedBytes: 10e12,
  filledBytes: by(1e12, 2e11, 3e11),
  missedBytes: by(0, 0, 5e11),
  filledInWindowBytes: 1.4e12,
  filledOutsideBytes: 1e11,
  crossedBytes: 1e12,
  savedBytes: 9e12,
  savedShare: 0.9,
  rates: { servedBitsPerSec: 4e9, crossedBitsPerSec: 2e8 },
  savedMoney: { currency: 'EUR', byVolume: 40.5 },
  days: [
    { day: '2026-11-01', servedBytes: 7e12, crossedBytes: 1e12 },
    { day: '2026-11-02', servedBytes: 3e12, crossedBytes: 0 },
  ],
  appliances: [
    {
      applianceId: 'oca-a1',
      servedBytes: 10e12,
      filledBytes: by(1, 2, 3),
      missedBytes: by(0, 0, 1),
      churnPerDay: 0.012,
      writesPerDay: 0.02,
      wornShare: 0.4,
    },
  ],
  ...change,
});
const report = (sites: SiteReport[]): SavingsReport => ({
  month: '2026-11',
  isRunning: true,
  madeAtMs: Date.UTC(2026, 10, 21, 9, 30),
  sites,
  isps: [
    {
      isp: 'Example <Net>',
      siteCount: 1,
      servedBytes: 10e12,
      crossedBytes: 1e12,
      savedBytes: 9e12,
      savedMoney: { EUR: 40.5 },
    },
  ],
});

test('a terminal shows bytes, billed rates, money, where fills came from and what disks bear', () => {
  const text = describeSavings(parseSavings(JSON.parse(JSON.stringify(report([site()])))));
  expect(text).toMatch(/^savings of 2026-11 until 2026-11-21 09:30Z\n/);
  expect(text).toMatch(/^berlin +10\.0 TB +1\.00 TB +9\.00 TB +90 % +4\.00 Gbit\/s +200 Mbit\/s +40\.50 EUR$/m);
  expect(text).toMatch(/^berlin +1\.00 TB +200 GB +300 GB +0 B +0 B +500 GB +1\.40 TB +100 GB$/m);
  expect(text).toMatch(/^oca-a1 +berlin +10\.0 TB +1\.20 % +2\.00 % +40 %$/m);
  expect(text).toMatch(/Example <Net>: 9\.00 TB saved at 1 site, 40\.50 EUR\n$/);
});

test('a loss is shown as one, what has no price has none, and a month without a word says so', () => {
  const loss = site({ savedBytes: -2e9, savedMoney: undefined, rates: undefined });
  expect(describeSavings(report([loss]))).toMatch(/^berlin .* -2\.00 GB +90 % +- +- +-$/m);
  expect(savingsPage(report([loss]))).toContain('<span class="loss">-2.00 GB</span>');
  expect(describeSavings(report([site({ servedBytes: 0, crossedBytes: 0 })]))).toContain('Nothing was told');
});

test('the page stands alone and takes names for text', () => {
  const page = savingsPage(report([site({ siteId: 'a&b' })]));
  expect(page).toContain('Example &#60;Net&#62;');
  expect(page).toContain('a&#38;b');
  expect(page).not.toMatch(/<script|https?:|src=|@import/);
  expect(page).toContain('<title>2026-11-01: 7.00 TB served, 1.00 TB crossed</title>');
});

test('an amount is never minus nothing', () => {
  expect(formatAmount(-0.0004, 'EUR')).toBe('0.00 EUR');
  expect(formatAmount(-2.049, 'EUR')).toBe('-2.05 EUR');
});

test('ISPs are named by line where there are several, and each line fits 80 columns where there is one', () => {
  const one = report([site(), site({ siteId: 'bonn' })]);
  for (const line of describeSavings(one).split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  const two = report([site(), site({ siteId: 'bonn', isp: 'Other' })]);
  expect(describeSavings(two)).toMatch(/^bonn +Other +10\.0 TB/m);
});
