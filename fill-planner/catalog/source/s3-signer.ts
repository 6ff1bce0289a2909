import { AwsV4Signer } from 'aws4fetch';
import type { Clock } from '../../../src/world/world.ts';
import type { SignRequest } from './http-source.ts';
import type { S3Credentials } from './s3-credentials.ts';

/** Signs requests to an S3-compatible store (AWS Signature Version 4). The one place that knows aws4fetch. */
export function s3Signer(credentials: S3Credentials, region: string, clock: Pick<Clock, 'nowMs'>): SignRequest {
  const cache = new Map<string, ArrayBuffer>();
  return async (method, url) => {
    const datetime = new Date(clock.nowMs()).toISOString().replace(/[:-]|\.\d{3}/g, '');
    const signer = new AwsV4Signer({ ...credentials, method, url, region, service: 's3', datetime, cache });
    const { headers } = await signer.sign();
    return Object.fromEntries(headers);
  };
}
