import { OperationalError } from '../src/errors/operational-error.ts';
import type { ApplianceConfig } from './config.ts';
import { isForwardable } from './delivery/forward-method.ts';

/** What the rows of the table cannot say alone. @throws OperationalError CONFIG_INVALID, with all that is wrong */
export function checkConfig(config: ApplianceConfig): void {
  const problems: string[] = [];
  if (config.volume.length === 0) problems.push("a folder for content is missing: add '--volume DIR'");
  if (config.origin === '' && config.planner === '') {
    problems.push("nothing to serve from: add '--origin URL' (or '--planner URL' to serve planned files only)");
  }
  if ([config.routesFile, config.birdSocket, config.bmpListen].filter((source) => source !== '').length > 1) {
    problems.push('--routes-file, --bird-socket and --bmp-listen say where the routes are from: give one of them');
  }
  if (config.bmpListen !== '' && config.bmpRouters.length === 0) {
    problems.push('--bmp-listen hears nobody without --bmp-routers');
  }
  if (!config.forwardMethods.every(isForwardable) || (config.forwardMethods.length > 0 && config.origin === '')) {
    problems.push('--forward-methods takes POST, PUT, PATCH and DELETE, and needs an --origin');
  }
  if ((config.tlsCert === '') !== (config.tlsKey === '')) problems.push('--tls-cert and --tls-key belong together');
  if (config.softEgressBitsPerSec > config.hardEgressBitsPerSec) {
    problems.push('--soft-egress-bits-per-sec must not be above --hard-egress-bits-per-sec');
  }
  if (config.volumeLowWatermark >= config.volumeHighWatermark) {
    problems.push('--volume-low-watermark must be below --volume-high-watermark');
  }
  if (problems.length > 0) throw new OperationalError('CONFIG_INVALID', problems.join('\n  '));
}
