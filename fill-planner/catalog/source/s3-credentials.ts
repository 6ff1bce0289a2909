import { readFile } from 'node:fs/promises';
import { messageOf, OperationalError } from '../../../src/errors/operational-error.ts';

/** Who asks an S3-compatible store. Never printed, never logged. */
export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

const FIELDS = {
  aws_access_key_id: 'accessKeyId',
  aws_secret_access_key: 'secretAccessKey',
  aws_session_token: 'sessionToken',
} as const;
const MAX_FILE_BYTES = 65_536;

/**
 * The credentials of a file in the form of AWS tools (`[default]`, `aws_access_key_id = ...`), else of the environment
 * (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN). Read anew for each use, so that a key may be renewed.
 * @param file '' for the environment
 * @throws OperationalError CONFIG_INVALID, in words that hold nothing of the file
 */
export async function readS3Credentials(file: string, environment: Environment): Promise<S3Credentials> {
  const found = file === '' ? fromEnvironment(environment) : fromFile(await read(file));
  const { accessKeyId = '', secretAccessKey = '', sessionToken = '' } = found;
  if (accessKeyId === '' || secretAccessKey === '')
    throw new OperationalError(
      'CONFIG_INVALID',
      file === ''
        ? 'no credentials for the store: name a file with --s3-credentials, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY'
        : `${file}: has no aws_access_key_id and aws_secret_access_key in its [default] part`,
    );
  return { accessKeyId, secretAccessKey, ...(sessionToken === '' ? {} : { sessionToken }) };
}

async function read(file: string): Promise<string> {
  try {
    const text = await readFile(file, 'utf8');
    if (text.length <= MAX_FILE_BYTES) return text;
  } catch (error) {
    throw new OperationalError('CONFIG_INVALID', `${file}: ${messageOf(error)}`, { cause: error });
  }
  throw new OperationalError('CONFIG_INVALID', `${file}: is too long for credentials`);
}

type Found = { -readonly [K in keyof S3Credentials]?: string };

function fromFile(text: string): Found {
  const found: Found = {};
  let part = 'default';
  for (const line of text.split(/\r?\n/)) {
    part = /^\s*\[\s*([^\]]+?)\s*\]/.exec(line)?.[1] ?? part;
    const [, name = '', value = ''] = /^\s*(\w+)\s*=\s*(\S+)\s*$/.exec(line) ?? [];
    if (part === 'default' && Object.hasOwn(FIELDS, name)) found[FIELDS[name as keyof typeof FIELDS]] = value;
  }
  return found;
}

function fromEnvironment(environment: Environment): Found {
  return Object.fromEntries(
    Object.entries(FIELDS).map(([name, field]) => [field, environment[name.toUpperCase()] ?? '']),
  );
}
