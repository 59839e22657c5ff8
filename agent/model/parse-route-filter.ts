import { choiceOf, flagOf, mappingOf, mappingsOf, numberOf, textOf, textsOf } from './checked.js';
import { at, fieldOf, type Raw } from './fields.js';
import { type Findings, quote } from './findings.js';
import type { HeaderOperations } from './matches.js';
import { checkHeaderName, checkHeaderValue, readRemoved } from './parse-match.js';
import { firstOfEachName } from './parse-route-names.js';
import type {
  BackendReference,
  CommonFilter,
  HttpRouteFilter,
  PathModifier,
  RequestMirror,
  RequestRedirect,
  RouteCors,
} from './route.js';

/** The filters and backends of HTTPRoute and GRPCRoute. */

/** The field that each type of filter has, and no other. */
const fieldOfType: Readonly<Record<string, string>> = {
  RequestHeaderModifier: 'requestHeaderModifier',
  ResponseHeaderModifier: 'responseHeaderModifier',
  RequestMirror: 'requestMirror',
  RequestRedirect: 'requestRedirect',
  URLRewrite: 'urlRewrite',
  CORS: 'cors',
  ExtensionRef: 'extensionRef',
  ExternalAuth: 'externalAuth',
};

/** Only these may be there several times. */
const repeatable: ReadonlySet<string> = new Set(['RequestMirror', 'ExtensionRef']);

/** Without effect where nothing is forwarded. */
const ofForwarded: readonly string[] = ['RequestHeaderModifier', 'RequestMirror'];

interface Written {
  readonly type: string;
  /** The field of the type. */
  readonly raw: Raw;
  /** Of that field. */
  readonly path: string;
}

/** Those whose field is there, in their order; what contradicts another is reported. */
function checkFilters(found: Findings, holder: Raw, path: string): readonly Written[] {
  const filters: Written[] = [];
  const types = new Set<string>();
  for (const [index, filter] of mappingsOf(holder, 'filters').entries()) {
    const place = at(`${path}.filters`, index);
    const type = textOf(filter, 'type')!;
    const field = fieldOfType[type]!;
    for (const other of Object.values(fieldOfType)) {
      if (other !== field && fieldOf(filter, other) !== undefined) {
        found.error('WEFT0212', `${place}.${other}`, `the type is ${type}`);
      }
    }
    if (types.has(type) && !repeatable.has(type)) found.error('WEFT0211', place, `there is a ${type} already`);
    types.add(type);
    const raw = mappingOf(filter, field);
    if (raw === undefined) found.error('WEFT0208', `${place}.${field}`, `the type ${type} needs it`);
    else filters.push({ type, raw, path: `${place}.${field}` });
  }
  if (types.has('RequestRedirect') && types.has('URLRewrite')) {
    found.error('WEFT0212', `${path}.filters`, 'has both a RequestRedirect and a URLRewrite');
  }
  if (types.has('RequestRedirect')) checkRedirected(found, holder, path);
  return filters;
}

/** Filters, and fields of their rule, that are about requests which go on. */
function checkRedirected(found: Findings, holder: Raw, path: string): void {
  const message = 'has no effect: a rule with a RequestRedirect forwards nothing';
  for (const [index, filter] of mappingsOf(holder, 'filters').entries()) {
    if (ofForwarded.includes(textOf(filter, 'type')!)) {
      found.warning('WEFT0303', at(`${path}.filters`, index), message);
    }
  }
  for (const key of ['timeouts', 'retry']) {
    if (mappingOf(holder, key) !== undefined) found.warning('WEFT0303', `${path}.${key}`, message);
  }
}

export function readHttpFilters(
  found: Findings,
  holder: Raw,
  path: string,
  namespace: string,
): readonly HttpRouteFilter[] {
  return checkFilters(found, holder, path).flatMap((filter): readonly HttpRouteFilter[] => {
    switch (filter.type) {
      case 'RequestRedirect':
        return [{ type: 'RequestRedirect', requestRedirect: readRedirect(found, filter) }];
      case 'URLRewrite':
        return [{ type: 'URLRewrite', urlRewrite: readUrlRewrite(found, filter) }];
      case 'CORS':
        return [{ type: 'CORS', cors: readCors(found, filter) }];
      default:
        return readCommon(found, filter, namespace);
    }
  });
}

export function readGrpcFilters(
  found: Findings,
  holder: Raw,
  path: string,
  namespace: string,
): readonly CommonFilter[] {
  return checkFilters(found, holder, path).flatMap((filter) => readCommon(found, filter, namespace));
}

function readCommon(found: Findings, { type, raw, path }: Written, namespace: string): readonly CommonFilter[] {
  switch (type) {
    case 'RequestHeaderModifier':
      return [{ type, requestHeaderModifier: readModifier(found, raw, path) }];
    case 'ResponseHeaderModifier':
      return [{ type, responseHeaderModifier: readModifier(found, raw, path) }];
    case 'RequestMirror':
      return [{ type, requestMirror: readMirror(found, raw, path, namespace) }];
    case 'ExtensionRef': {
      found.warning('WEFT0413', path, 'Weft has no such filter: requests of the rule are answered with 500');
      const [group, kind, name] = ['group', 'kind', 'name'].map((key) => textOf(raw, key) ?? '');
      return [{ type, extensionRef: { group: group!, kind: kind!, name: name! } }];
    }
    default:
      return [];
  }
}

function readModifier(found: Findings, raw: Raw, path: string): HeaderOperations {
  const pairs = (key: 'set' | 'add') =>
    firstOfEachName(found, raw, path, key).map(({ name, raw: entry, path: place }): readonly [string, string] => {
      const value = (fieldOf(entry, 'value') as string | undefined) ?? '';
      checkHeaderValue(found, value, `${place}.value`);
      return [name, value];
    });
  return { set: pairs('set'), add: pairs('add'), remove: readRemoved(found, raw, path) };
}

function readMirror(found: Findings, raw: Raw, path: string, namespace: string): RequestMirror {
  const percent = numberOf(raw, 'percent');
  const fraction = mappingOf(raw, 'fraction');
  if (percent !== undefined && fraction !== undefined) {
    found.error('WEFT0212', `${path}.fraction`, 'there is a percent already');
  }
  const [numerator, denominator] = [numberOf(fraction, 'numerator') ?? 0, numberOf(fraction, 'denominator') ?? 100];
  if (numerator > denominator) found.error('WEFT0207', `${path}.fraction.numerator`, 'is over the denominator');
  const backendRef = readBackend(found, mappingOf(raw, 'backendRef')!, `${path}.backendRef`, namespace);
  const share = fraction === undefined ? 100 : (numerator / denominator) * 100;
  return { backendRef, percentage: percent ?? share };
}

/** What is no Service is kept as written, and reported: its share of the requests is answered with 500. */
export function readBackend(found: Findings, raw: Raw, path: string, namespace: string): BackendReference {
  const reference: BackendReference = {
    group: textOf(raw, 'group') ?? '',
    kind: textOf(raw, 'kind') ?? 'Service',
    namespace: textOf(raw, 'namespace') ?? namespace,
    name: textOf(raw, 'name') ?? '',
    port: numberOf(raw, 'port'),
  };
  if (reference.group !== '' || reference.kind !== 'Service') {
    const kind = quote(reference.group === '' ? reference.kind : `${reference.group}/${reference.kind}`);
    found.warning('WEFT0413', path, `${kind} is no Service: its share of the requests is answered with 500`);
  } else if (reference.port === undefined) found.error('WEFT0208', `${path}.port`, 'a Service needs it');
  return reference;
}

const redirectCodes: readonly number[] = [301, 302, 303, 307, 308];

function readRedirect(found: Findings, { raw, path }: Written): RequestRedirect {
  const statusCode = numberOf(raw, 'statusCode') ?? 302;
  if (!redirectCodes.includes(statusCode)) {
    found.error('WEFT0206', `${path}.statusCode`, `must be ${redirectCodes.join(', ')}, not ${statusCode}`);
  }
  return {
    scheme: choiceOf<'http' | 'https'>(raw, 'scheme'),
    hostname: readHostname(found, raw, path),
    path: readPathModifier(found, mappingOf(raw, 'path'), `${path}.path`),
    port: numberOf(raw, 'port'),
    statusCode: statusCode as RequestRedirect['statusCode'],
  };
}

function readUrlRewrite(
  found: Findings,
  { raw, path }: Written,
): { hostname: string | undefined; path: PathModifier | undefined } {
  return {
    hostname: readHostname(found, raw, path),
    path: readPathModifier(found, mappingOf(raw, 'path'), `${path}.path`),
  };
}

function readHostname(found: Findings, raw: Raw, path: string): string | undefined {
  const hostname = textOf(raw, 'hostname');
  if (hostname?.startsWith('*')) found.error('WEFT0218', `${path}.hostname`, 'must be one host, without *');
  return hostname;
}

function readPathModifier(found: Findings, raw: Raw | undefined, path: string): PathModifier | undefined {
  if (raw === undefined) return undefined;
  const full = fieldOf(raw, 'replaceFullPath') as string | undefined;
  const prefix = fieldOf(raw, 'replacePrefixMatch') as string | undefined;
  const [wanted, other] =
    textOf(raw, 'type') === 'ReplaceFullPath'
      ? (['replaceFullPath', 'replacePrefixMatch'] as const)
      : (['replacePrefixMatch', 'replaceFullPath'] as const);
  if (fieldOf(raw, wanted) === undefined) found.error('WEFT0208', `${path}.${wanted}`, 'the type needs it');
  if (fieldOf(raw, other) !== undefined) found.error('WEFT0212', `${path}.${other}`, 'is of another type');
  return wanted === 'replaceFullPath'
    ? { type: 'ReplaceFullPath', replaceFullPath: full ?? '' }
    : { type: 'ReplacePrefixMatch', replacePrefixMatch: prefix ?? '' };
}

/** GEP-1767. */
function readCors(found: Findings, { raw, path }: Written): RouteCors {
  const lists = ['allowOrigins', 'allowMethods', 'allowHeaders', 'exposeHeaders'] as const;
  for (const key of lists) {
    const values = textsOf(raw, key);
    if (values.includes('*') && values.length > 1) {
      found.error('WEFT0212', `${path}.${key}`, '* already stands for all');
    }
  }
  for (const [index, origin] of textsOf(raw, 'allowOrigins').entries()) {
    if (origin === '*' || /^https?:\/\/[a-z0-9*]([-a-z0-9.*]*[a-z0-9*])?(:\d{1,5})?$/i.test(origin)) continue;
    found.error(
      'WEFT0218',
      at(`${path}.allowOrigins`, index),
      `must be * or SCHEME://HOST[:PORT], not ${quote(origin)}`,
    );
  }
  for (const key of ['allowMethods', 'allowHeaders', 'exposeHeaders'] as const) {
    for (const [index, name] of textsOf(raw, key).entries()) checkHeaderName(found, name, at(`${path}.${key}`, index));
  }
  return {
    allowOrigins: textsOf(raw, 'allowOrigins'),
    allowCredentials: flagOf(raw, 'allowCredentials') ?? false,
    allowMethods: textsOf(raw, 'allowMethods'),
    allowHeaders: textsOf(raw, 'allowHeaders'),
    exposeHeaders: textsOf(raw, 'exposeHeaders'),
    maxAgeMs: (numberOf(raw, 'maxAge') ?? 5) * 1000,
  };
}
