import { entriesOf, flagOf, mappingOf, mappingsOf, msOf, numberOf, textOf, textsOf } from './checked.js';
import { at, fieldOf, type Raw } from './fields.js';
import { child, type Findings, quote } from './findings.js';
import { isAuthority, isAuthorityName, isHeaderValue } from './http-names.js';
import { isName } from './names.js';
import { checkHeaderName, readHeaderChanges, readMatch, readRewrite } from './parse-match.js';
import { readFault, readRetries } from './parse-virtual-failures.js';
import { readDestination, readWeights } from './parse-weights.js';
import type {
  CorsPolicy,
  HttpDirectResponse,
  HttpMirror,
  HttpRedirect,
  HttpRewrite,
  VirtualHttpRoute,
} from './virtual-service.js';

/** An entry of `spec.http` but its matches; `delegated`: of a VirtualService without hosts. */
export function readHttpRoute(
  found: Findings,
  raw: Raw,
  path: string,
  delegated: boolean,
  namespace: string,
): Omit<VirtualHttpRoute, 'match'> {
  checkActions(found, raw, path, delegated);
  checkIdle(found, raw, path);
  const route = readWeights(found, raw, path).map(({ destination, weight, raw: entry }, index) => ({
    destination,
    weight,
    headers: readHeaderChanges(found, entry, at(`${path}.route`, index)),
  }));
  checkAuthorities(found, raw, path);
  return {
    name: textOf(raw, 'name'),
    route,
    redirect: readRedirect(found, mappingOf(raw, 'redirect'), `${path}.redirect`),
    directResponse: readDirectResponse(found, mappingOf(raw, 'directResponse'), `${path}.directResponse`),
    delegate: readDelegate(found, mappingOf(raw, 'delegate'), `${path}.delegate`, namespace),
    rewrite: readHttpRewrite(found, mappingOf(raw, 'rewrite'), `${path}.rewrite`),
    timeoutMs: msOf(raw, 'timeout'),
    retries: readRetries(found, mappingOf(raw, 'retries'), `${path}.retries`),
    fault: readFault(found, mappingOf(raw, 'fault'), `${path}.fault`),
    mirrors: readMirrors(found, raw, path),
    corsPolicy: readCors(found, mappingOf(raw, 'corsPolicy'), `${path}.corsPolicy`),
    headers: readHeaderChanges(found, raw, path),
  };
}

const exclusive: readonly (readonly [string, readonly string[]])[] = [
  ['delegate', ['route', 'redirect', 'directResponse']],
  ['redirect', ['route', 'directResponse', 'fault', 'rewrite']],
  ['directResponse', ['route', 'fault', 'rewrite']],
];

function checkActions(found: Findings, raw: Raw, path: string, delegated: boolean): void {
  const has = (key: string) => (key === 'route' ? mappingsOf(raw, key).length > 0 : mappingOf(raw, key) !== undefined);
  if (delegated && has('delegate')) {
    found.error('WEFT0212', `${path}.delegate`, 'a VirtualService without hosts must not delegate again');
  }
  for (const [action, others] of exclusive) {
    if (!has(action)) continue;
    for (const other of others) {
      if (has(other)) found.error('WEFT0212', `${path}.${other}`, `a rule with ${action} cannot have ${other}`);
    }
    return;
  }
  if (!has('route')) found.error('WEFT0208', path, 'needs route, redirect, directResponse or delegate');
}

/** Istio takes them beside redirect and directResponse and does nothing with them (translateRoute; Envoy's CORS filter passes such routes by). */
const idleFields = ['corsPolicy', 'mirror', 'mirrors', 'mirrorPercent', 'mirrorPercentage', 'timeout', 'retries'];

function checkIdle(found: Findings, raw: Raw, path: string): void {
  const action = ['redirect', 'directResponse'].find((key) => mappingOf(raw, key) !== undefined);
  if (action === undefined) return;
  const message = `has no effect: a rule with ${action} forwards nothing`;
  for (const key of idleFields) {
    if (fieldOf(raw, key) === undefined) continue;
    const isCors = key === 'corsPolicy';
    found.warning('WEFT0303', `${path}.${key}`, isCors ? `neither Istio nor Weft has CORS for ${action}` : message);
  }
  const request = mappingOf(mappingOf(raw, 'headers'), 'request');
  if (request !== undefined) found.warning('WEFT0303', `${path}.headers.request`, message);
}

/** The authority is set in at most one place of a rule. */
function checkAuthorities(found: Findings, raw: Raw, path: string): void {
  const places: string[] = [];
  if (textOf(mappingOf(raw, 'rewrite'), 'authority') !== undefined) places.push(`${path}.rewrite.authority`);
  const request = mappingOf(mappingOf(raw, 'headers'), 'request');
  for (const key of ['set', 'add']) {
    for (const [name] of entriesOf<string>(request, key)) {
      if (isAuthorityName(name)) places.push(child(`${path}.headers.request.${key}`, name));
    }
  }
  if (places.length > 1) found.error('WEFT0212', places[1]!, `the authority is set by ${places[0]} already`);
}

const redirectCodes: readonly number[] = [301, 302, 303, 307, 308];

function readRedirect(found: Findings, raw: Raw | undefined, path: string): HttpRedirect | undefined {
  if (raw === undefined) return undefined;
  const code = numberOf(raw, 'redirectCode') ?? 301;
  if (!redirectCodes.includes(code)) {
    found.error('WEFT0206', `${path}.redirectCode`, `must be ${redirectCodes.join(', ')}, not ${code}`);
  }
  const scheme = textOf(raw, 'scheme');
  if (scheme !== undefined && scheme !== 'http' && scheme !== 'https') {
    found.error('WEFT0206', `${path}.scheme`, `must be http or https, not ${quote(scheme)}`);
  }
  const redirect = {
    uri: readPath(found, raw, path, 'uri'),
    authority: readAuthority(found, raw, path),
    scheme,
    port: numberOf(raw, 'port'),
    derivePort: textOf(raw, 'derivePort') as HttpRedirect['derivePort'],
    redirectCode: code as HttpRedirect['redirectCode'],
  };
  const { uri, authority, port, derivePort } = redirect;
  if (port !== undefined && derivePort !== undefined) {
    found.error('WEFT0212', `${path}.derivePort`, 'there is a port already');
  }
  if ([uri, authority, scheme, port, derivePort].every((each) => each === undefined)) {
    found.error('WEFT0208', path, 'needs uri, authority, scheme, port or derivePort');
  }
  return redirect;
}

/** A text that goes into a request line or a Location. */
function readPath(found: Findings, raw: Raw, path: string, key: string): string | undefined {
  const value = textOf(raw, key);
  if (value !== undefined && (!isHeaderValue(value) || /[ \t]/.test(value))) {
    found.error('WEFT0220', child(path, key), 'has white space or a control character');
  }
  return value;
}

function readAuthority(found: Findings, raw: Raw, path: string): string | undefined {
  const value = textOf(raw, 'authority');
  if (value !== undefined && !isAuthority(value)) {
    found.error('WEFT0218', child(path, 'authority'), `must be HOST or HOST:PORT, not ${quote(value)}`);
  }
  return value;
}

const mebibyte = 1_048_576;

function readDirectResponse(found: Findings, raw: Raw | undefined, path: string): HttpDirectResponse | undefined {
  if (raw === undefined) return undefined;
  const body = mappingOf(raw, 'body');
  const [text, bytes] = [fieldOf(body ?? {}, 'string'), fieldOf(body ?? {}, 'bytes')] as (string | undefined)[];
  if (text !== undefined && bytes !== undefined) found.error('WEFT0212', `${path}.body`, 'has string and bytes');
  if (bytes !== undefined && !/^[A-Za-z0-9+/_-]*={0,2}$/.test(bytes)) {
    found.error('WEFT0205', `${path}.body.bytes`, 'must be base64');
  }
  if ((text ?? bytes ?? '').length > mebibyte) found.error('WEFT0207', `${path}.body`, 'is longer than 1 MiB');
  const value = text ?? bytes;
  return {
    status: numberOf(raw, 'status')!,
    body: value === undefined ? undefined : { type: text === undefined ? 'bytes' : 'string', value },
  };
}

function readDelegate(
  found: Findings,
  raw: Raw | undefined,
  path: string,
  namespace: string,
): VirtualHttpRoute['delegate'] {
  if (raw === undefined) return undefined;
  const reference = { namespace: textOf(raw, 'namespace') ?? namespace, name: textOf(raw, 'name') ?? '' };
  if (reference.name === '') found.error('WEFT0208', `${path}.name`, 'is required');
  else if (!isName('subdomain', reference.name)) {
    found.error('WEFT0204', `${path}.name`, `must be the name of a VirtualService, not ${quote(reference.name)}`);
  }
  return reference;
}

function readHttpRewrite(found: Findings, raw: Raw | undefined, path: string): HttpRewrite | undefined {
  if (raw === undefined) return undefined;
  const rewrite = {
    uri: readPath(found, raw, path, 'uri'),
    authority: readAuthority(found, raw, path),
    uriRegexRewrite: readRewrite(found, mappingOf(raw, 'uriRegexRewrite'), `${path}.uriRegexRewrite`),
  };
  if (rewrite.uri !== undefined && rewrite.uriRegexRewrite !== undefined) {
    found.error('WEFT0212', `${path}.uriRegexRewrite`, 'there is a uri already');
  }
  if (Object.values(rewrite).every((each) => each === undefined)) {
    found.error('WEFT0208', path, 'needs uri, uriRegexRewrite or authority');
  }
  return rewrite;
}

function readMirrors(found: Findings, raw: Raw, path: string): readonly HttpMirror[] {
  const mirrors = mappingsOf(raw, 'mirrors').map((entry, index) => {
    const place = `${at('mirrors', index)}.destination`;
    const destination = readDestination(found, mappingOf(entry, 'destination')!, `${path}.${place}`);
    return { path: place, destination, percentage: percentOf(entry, 'percentage') ?? 100 };
  });
  const mirror = mappingOf(raw, 'mirror');
  const old = numberOf(raw, 'mirrorPercent');
  if (old !== undefined) {
    found.warning('WEFT0308', `${path}.mirrorPercent`, 'is now mirrorPercentage', 'write mirrorPercentage: { value }');
  }
  if (mirror === undefined) return mirrors;
  if (mirrors.length > 0) found.error('WEFT0212', `${path}.mirror`, 'there are mirrors already');
  const percentage = percentOf(raw, 'mirrorPercentage') ?? old ?? 100;
  return [{ path: 'mirror', destination: readDestination(found, mirror, `${path}.mirror`), percentage }];
}

/** A Percent message, `{ value: 0…100 }`; its omitted value is 0. */
function percentOf(raw: Raw, key: string): number | undefined {
  const percent = mappingOf(raw, key);
  return percent && (numberOf(percent, 'value') ?? 0);
}

const corsMethods: readonly string[] = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'CONNECT',
  'OPTIONS',
  'TRACE',
  '*',
];

function readCors(found: Findings, raw: Raw | undefined, path: string): CorsPolicy | undefined {
  if (raw === undefined) return undefined;
  for (const [index, method] of textsOf(raw, 'allowMethods').entries()) {
    if (corsMethods.includes(method)) continue;
    found.error(
      'WEFT0206',
      at(`${path}.allowMethods`, index),
      `must be a method in capitals or *, not ${quote(method)}`,
    );
  }
  for (const key of ['allowHeaders', 'exposeHeaders']) {
    for (const [index, name] of textsOf(raw, key).entries()) {
      checkHeaderName(found, name, at(`${path}.${key}`, index));
    }
  }
  const old = textsOf(raw, 'allowOrigin');
  if (old.length > 0) found.warning('WEFT0308', `${path}.allowOrigin`, 'is now allowOrigins', 'use allowOrigins');
  const origins = mappingsOf(raw, 'allowOrigins').map((origin, index) => {
    const match = readMatch(found, origin, at(`${path}.allowOrigins`, index));
    if (match.type === 'present' || match.value === '') {
      found.error('WEFT0208', at(`${path}.allowOrigins`, index), 'needs exact, prefix or regex');
    }
    return match;
  });
  const maxAgeMs = msOf(raw, 'maxAge');
  if (maxAgeMs !== undefined && maxAgeMs % 1000 !== 0) {
    found.error('WEFT0215', `${path}.maxAge`, 'must be whole seconds');
  }
  return {
    allowOrigins: origins.length > 0 ? origins : old.map((value) => ({ type: 'exact', value })),
    allowMethods: textsOf(raw, 'allowMethods'),
    allowHeaders: textsOf(raw, 'allowHeaders'),
    exposeHeaders: textsOf(raw, 'exposeHeaders'),
    maxAgeMs,
    allowCredentials: flagOf(raw, 'allowCredentials'),
    unmatchedPreflights: textOf(raw, 'unmatchedPreflights') === 'IGNORE' ? 'IGNORE' : 'FORWARD',
  };
}
