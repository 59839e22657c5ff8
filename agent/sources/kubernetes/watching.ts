import { ApiError } from '../../kubernetes/api.js';
import { isRaw, type Raw } from '../../model/fields.js';

/** Of an answer that is not what the API says. */
export function malformed(message: string): ApiError {
  return new ApiError(message, 0, 'Malformed');
}

export function isMalformed({ reason, status }: ApiError): boolean {
  return status === 0 && reason === 'Malformed';
}

/** One event of a watch (meta/v1 WatchEvent). */
export interface WatchEvent {
  readonly type: string;
  readonly object: Raw;
}

/** Reads one line of a watch. Throws ApiError for one that is no event, and for an ERROR event with what its Status says. */
export function readEvent(line: Buffer): WatchEvent {
  let event: unknown;
  try {
    event = JSON.parse(line.toString('utf8'));
  } catch {
    throw malformed('a line of the watch is not JSON');
  }
  if (!isRaw(event) || typeof event.type !== 'string' || !isRaw(event.object)) {
    throw malformed('a line of the watch is no event');
  }
  if (event.type === 'ERROR') throw errorOf(event.object);
  return { type: event.type, object: event.object };
}

function errorOf({ code, details, message, reason }: Raw): ApiError {
  const seconds = isRaw(details) ? details.retryAfterSeconds : undefined;
  return new ApiError(
    typeof message === 'string' ? message : 'the watch failed',
    typeof code === 'number' ? code : 500,
    typeof reason === 'string' ? reason : '',
    typeof seconds === 'number' ? seconds * 1_000 : undefined,
  );
}

/** Whether it is the bookmark behind the last of the objects that were there when the watch began (KEP-3157). */
export function endsInitialEvents({ type, object }: WatchEvent): boolean {
  if (type !== 'BOOKMARK' || !isRaw(object.metadata)) return false;
  const { annotations } = object.metadata;
  return isRaw(annotations) && annotations['k8s.io/initial-events-end'] === 'true';
}

/** Whether the version that was asked for is newer than the server's newest: it was set back, or lags behind. */
export function isFromFuture({ message, status }: ApiError): boolean {
  return status === 504 && /too large resource version/i.test(message);
}

/**
 * What a bookmark with an older version than the watch's own means: there are no events up to a version that the watch is
 * already past (KEP-956), so the server was set back. Versions are compared as numbers (KEP-5504).
 */
export function refuseOlder(bookmark: string, version: string): void {
  const isNumber = /^\d+$/.test(bookmark) && /^\d+$/.test(version);
  if (!isNumber || BigInt(bookmark) >= BigInt(version)) return;
  throw new ApiError(`Too large resource version: ${version}, current: ${bookmark}`, 504);
}
