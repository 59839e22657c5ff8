/** How the API server is spoken to; the shapes of its answers are those of apimachinery's meta/v1. */

/** Of the whole of an answer that is not a stream, in bytes: a page of a list. */
export const mostAnswerBytes: number = 256 * 1024 * 1024;

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** As `/api/v1/services`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Default: `application/json`. */
  readonly accept?: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Of `body`; default: `application/json`. */
  readonly contentType?: string;
  /** Of the whole exchange, in ms; of a stream, until its head is there. Default: 30 000. */
  readonly timeoutMs?: number;
  /** Ends the exchange, of a stream also later on: with an ApiError, reason `Aborted`. */
  readonly signal?: AbortSignal;
}

/** Why an API call came to nothing. */
export class ApiError extends Error {
  /** HTTP's, or of a watch's ERROR event `code`; 0: there was no answer. */
  readonly status: number;
  /**
   * Status.reason (`Expired`, `Forbidden`, …), or empty. With status 0 a system error's code (`ECONNREFUSED`, `CERT_HAS_EXPIRED`), or
   * `Timeout`, `Idle` (a stream fell silent), `Aborted` (by the caller), `Credentials` (there are none).
   */
  readonly reason: string;
  /** Status.details.retryAfterSeconds, or the header Retry-After, in ms; undefined without. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, status = 0, reason = '', retryAfterMs?: number) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}

/** An API server with credentials. Every call rejects with {@link ApiError} unless the answer was 2xx. */
export interface ApiClient {
  /** `https://HOST:PORT`, for telling; an IPv6 address is in brackets. */
  readonly server: string;
  /** The parsed JSON of the answer; undefined for an empty one. */
  call(request: ApiRequest): Promise<unknown>;
  /**
   * The lines of an answer as they arrive (watch), without their ends, empty ones left out; the last one only if it is complete. The
   * iteration ends when the server ends the stream. It throws ApiError (status 0) when the stream is cut, after all that arrived
   * before, and when nothing arrived for `idleMs` while it was waited for. Leaving it closes the connection: it is to be iterated, or
   * ended by `signal`.
   */
  lines(request: ApiRequest, idleMs: number): Promise<AsyncIterable<Buffer>>;
  /** Ends idle connections, and others when their calls are done. Streams end by their signals, or when they are left. */
  close(): void;
}
