import { describe, expect, it } from 'vitest';
import { Health } from '../../../src/lifecycle/health.ts';
import { softwareVersion } from '../../../src/lifecycle/software-version.ts';

describe('health', () => {
  it('is ready while no condition fails, and gives each failing one with its reason', () => {
    const health = new Health();
    expect(health.ready).toBe(true);
    health.fail('volume', 'disk 2 does not answer');
    health.fail('drain', 'draining');
    health.fail('volume', 'disk 2 is gone');
    expect(health.ready).toBe(false);
    expect(health.reasons()).toEqual(['volume: disk 2 is gone', 'drain: draining']);
    health.pass('volume');
    health.pass('never failed');
    expect(health.reasons()).toEqual(['drain: draining']);
    health.pass('drain');
    expect(health.ready).toBe(true);
  });
});

describe('the software version', () => {
  it('is that of the package', () => {
    expect(softwareVersion()).toMatch(/^\d+\.\d+\.\d+/);
  });
});
