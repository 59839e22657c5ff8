import type {
  HttpDirectResponse,
  HttpFault,
  HttpRedirect,
  HttpRewrite,
  CorsPolicy as WrittenCors,
} from '../../model/virtual-service.js';
import type { CorsPolicy, DirectAction, Fault, PathChange, RedirectAction, Rewrite } from '../snapshot.js';

/** Parts of a VirtualService's rule that need nothing else than themselves. */

const prefixMark = '%PREFIX()%';

export function redirectAction(written: HttpRedirect): RedirectAction {
  return {
    type: 'redirect',
    path: redirectPath(written.uri),
    authority: written.authority ?? '',
    scheme: written.scheme ?? '',
    port: redirectPort(written),
    status: written.redirectCode,
  };
}

function redirectPath(uri: string | undefined): PathChange | undefined {
  if (uri === undefined) return undefined;
  return uri.startsWith(prefixMark)
    ? { type: 'prefix', value: uri.slice(prefixMark.length) }
    : { type: 'full', value: uri };
}

function redirectPort({ port, derivePort }: HttpRedirect): RedirectAction['port'] {
  if (derivePort === 'FROM_REQUEST_PORT') return 'request';
  return derivePort === 'FROM_PROTOCOL_DEFAULT' ? 'protocol' : port;
}

export function directAction({ status, body }: HttpDirectResponse): DirectAction {
  return { type: 'direct', status, body: base64Of(body), contentType: body === undefined ? '' : 'text/plain' };
}

function base64Of(body: HttpDirectResponse['body']): string {
  if (body === undefined) return '';
  return Buffer.from(body.value, body.type === 'bytes' ? 'base64' : 'utf8').toString('base64');
}

/** `authority`: what `headers.request` sets it to, where the rewrite names none; empty: as it is. */
export function rewriteOf(written: HttpRewrite | undefined, authority: string): Rewrite | undefined {
  const path = rewritePath(written);
  const chosen = written?.authority ?? authority;
  return path === undefined && chosen === '' ? undefined : { path, authority: chosen };
}

function rewritePath(written: HttpRewrite | undefined): PathChange | undefined {
  const { uri, uriRegexRewrite } = written ?? {};
  if (uriRegexRewrite !== undefined) {
    return { type: 'regex', match: uriRegexRewrite.match, value: uriRegexRewrite.rewrite };
  }
  return uri === undefined ? undefined : { type: 'prefix', value: uri };
}

export function faultOf(written: HttpFault | undefined): Fault | undefined {
  if (written === undefined) return undefined;
  const { delay, abort } = written;
  return {
    delay: delay && { percent: delay.percentage, delayMs: delay.fixedDelayMs },
    abort: abort && {
      percent: abort.percentage,
      status: abort.type === 'httpStatus' ? abort.httpStatus : undefined,
      grpcStatus: abort.type === 'grpcStatus' ? abort.grpcStatus : undefined,
    },
  };
}

export function corsOf(written: WrittenCors | undefined): CorsPolicy | undefined {
  if (written === undefined) return undefined;
  return {
    allowOrigins: written.allowOrigins.map((origin) =>
      origin.type === 'exact' && origin.value === '*' ? { type: 'present' } : origin,
    ),
    allowMethods: written.allowMethods,
    allowHeaders: written.allowHeaders,
    exposeHeaders: written.exposeHeaders,
    maxAgeSeconds: written.maxAgeMs === undefined ? undefined : Math.floor(written.maxAgeMs / 1000),
    allowCredentials: written.allowCredentials ?? false,
    unmatchedPreflights: written.unmatchedPreflights === 'IGNORE' ? 'ignore' : 'forward',
  };
}
