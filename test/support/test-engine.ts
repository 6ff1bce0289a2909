/** The engine that appliances of tests run with: `OCA_TEST_ENGINE=reference` has the suites judge the other one. */
export function testEngine(): 'fast' | 'reference' {
  const engine = process.env['OCA_TEST_ENGINE'] ?? 'fast';
  if (engine !== 'fast' && engine !== 'reference')
    throw new Error(`OCA_TEST_ENGINE is fast or reference, not ${engine}`);
  return engine;
}
