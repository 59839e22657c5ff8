import type { IncomingHttpHeaders } from 'node:http';
import { ApiError } from './api.js';
import { oneLine } from './trouble.js';

/** The longest message that is told, in characters: of a Status, and of any other text. */
const longestMessage = 1_000;
const longestText = 200;

/** An answer that is not 2xx. `now` is wall time in ms. */
export interface Refusal {
  readonly server: string;
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly now: number;
}

/** apimachinery's meta/v1 Status, as far as it is of use. */
interface Status {
  readonly kind: 'Status';
  readonly message?: unknown;
  readonly reason?: unknown;
  readonly details?: { readonly retryAfterSeconds?: unknown } | null;
}

/** Of a Status object when the body is one; otherwise, as from a proxy or of an unknown group (`404 page not found`), of its text. */
export function refusalError({ body, headers, now, server, status }: Refusal): ApiError {
  const told = statusOf(body);
  const seconds = told?.details?.retryAfterSeconds;
  const after = typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : retryAfter(headers['retry-after'], now);
  if (told !== undefined && typeof told.message === 'string' && told.message !== '') {
    const reason = typeof told.reason === 'string' ? told.reason : '';
    return new ApiError(oneLine(told.message, longestMessage), status, reason, after);
  }
  if (status >= 300 && status < 400) {
    const where = oneLine(headers.location ?? 'nowhere', longestText);
    return new ApiError(`${server} answered ${status}, to be asked at ${where}: not followed`, status, '', after);
  }
  const text = oneLine(body.toString('utf8'), longestText);
  return new ApiError(`${server} answered ${status}${text && `: ${text}`}`, status, '', after);
}

function statusOf(body: Buffer): Status | undefined {
  try {
    const parsed = JSON.parse(body.toString('utf8')) as Status | null;
    return parsed?.kind === 'Status' ? parsed : undefined;
  } catch {
    return undefined;
  }
}

/** RFC 9110, section 10.2.3, in ms: seconds, or a date. */
function retryAfter(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
