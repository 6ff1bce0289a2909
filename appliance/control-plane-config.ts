/** What the talk with planner and steering goes by. */
export interface ControlPlaneConfig {
  readonly id: string;
  readonly site: string;
  readonly cluster: string;
  /** Base URLs, '' for a service that is not there. */
  readonly steering: string;
  readonly planner: string;
  /** One-time enrolment tokens, or ''. */
  readonly steeringToken: string;
  readonly plannerToken: string;
  readonly allowUnsigned: boolean;
  readonly stateDir: string;
  readonly heartbeatMs: number;
  readonly localSteering: 'on' | 'off';
  readonly planPollMs: number;
  readonly planRepeatDays: number;
  readonly planGraceHours: number;
  readonly triggerPollMs: number;
  readonly demandShipMs: number;
  /** '' for none. */
  readonly routesFile: string;
  /** '' for none. */
  readonly birdSocket: string;
  readonly birdProtocol: string;
  /** '' for none. */
  readonly bmpListen: string;
  readonly bmpRouters: readonly string[];
  readonly routesGraceMs: number;
  readonly softEgressBitsPerSec: number;
  readonly hardEgressBitsPerSec: number;
  readonly maxActiveRequests: number;
  readonly qualityShipMs: number;
  readonly qualityMinClients: number;
}
