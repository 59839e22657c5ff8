import { entriesOf, flagOf, mappingOf, mappingsOf, msOf, numberOf, textOf, textsOf } from './checked.js';
import type { ConsistentHash, HashKey, LoadBalancerSettings, LocalityLbSetting, Warmup } from './destination-rule.js';
import { at, fieldOf, type Raw } from './fields.js';
import { child, type Findings, quote } from './findings.js';
import { isToken } from './http-names.js';
import { isName } from './names.js';
import { checkHeaderName, readRewrite, regexRewrite } from './parse-match.js';
import {
  boolean,
  choice,
  duration,
  integer,
  listOf,
  mapOf,
  number,
  object,
  required,
  type Shape,
  string,
  strings,
  unsigned,
} from './schema.js';

/** LoadBalancerSettings of DestinationRule (istio/api, destination_rule.proto). */

const simple = ['UNSPECIFIED', 'LEAST_CONN', 'RANDOM', 'PASSTHROUGH', 'ROUND_ROBIN', 'LEAST_REQUEST'] as const;

const consistentHash = object({
  httpHeaderName: string,
  httpHeaderRegexRewrite: regexRewrite,
  httpCookie: object({
    name: required(string),
    path: string,
    ttl: duration(0),
    attributes: listOf(object({ name: required(string), value: string })),
  }),
  httpQueryParameterName: string,
  useSourceIp: boolean,
  minimumRingSize: unsigned,
  ringHash: object({ minimumRingSize: unsigned }),
  maglev: object({ tableSize: integer(0, 5_000_011) }),
});

export const loadBalancer: Shape = object({
  simple: choice(...simple),
  consistentHash,
  localityLbSetting: object({
    distribute: listOf(object({ from: string, to: mapOf(integer(0, 100)) })),
    failover: listOf(object({ from: string, to: string })),
    failoverPriority: strings,
    enabled: boolean,
  }),
  warmupDurationSecs: duration(1),
  warmup: object({
    duration: required(duration(1)),
    minimumPercent: number(0, 100),
    aggression: number(1, Number.MAX_VALUE),
  }),
});

export function readLoadBalancer(
  found: Findings,
  raw: Raw | undefined,
  path: string,
): LoadBalancerSettings | undefined {
  if (raw === undefined) return undefined;
  const hash = mappingOf(raw, 'consistentHash');
  if (hash !== undefined && textOf(raw, 'simple') !== undefined) {
    found.error('WEFT0212', path, 'has both simple and consistentHash');
  }
  return {
    simple: readSimple(found, raw, path),
    consistentHash: hash && readHash(found, hash, child(path, 'consistentHash')),
    localityLbSetting: readLocality(found, mappingOf(raw, 'localityLbSetting'), child(path, 'localityLbSetting')),
    warmup: readWarmup(found, raw, path),
  };
}

function readSimple(found: Findings, raw: Raw, path: string): LoadBalancerSettings['simple'] {
  const named = textOf(raw, 'simple') as (typeof simple)[number] | undefined;
  if (named !== 'LEAST_CONN') return named === 'UNSPECIFIED' ? undefined : named;
  found.warning('WEFT0308', child(path, 'simple'), 'LEAST_CONN is now called LEAST_REQUEST', 'write LEAST_REQUEST');
  return 'LEAST_REQUEST';
}

const hashKeys = ['httpHeaderName', 'httpCookie', 'httpQueryParameterName', 'useSourceIp'] as const;

function readHash(found: Findings, raw: Raw, path: string): ConsistentHash | undefined {
  const keys = hashKeys.filter((key) => ![undefined, false, ''].includes(fieldOf(raw, key) as string | undefined));
  if (keys.length > 1) found.error('WEFT0212', path, `has several keys: ${keys.join(', ')}`);
  const [key] = keys;
  if (key === undefined) {
    found.error('WEFT0208', path, 'names no key, such as useSourceIp');
    return undefined;
  }
  if (mappingOf(raw, 'httpHeaderRegexRewrite') !== undefined && key !== 'httpHeaderName') {
    found.error('WEFT0212', `${path}.httpHeaderRegexRewrite`, 'is only for httpHeaderName');
  }
  return { key: readKey(found, raw, path, key), algorithm: readAlgorithm(found, raw, path) };
}

function readKey(found: Findings, raw: Raw, path: string, key: (typeof hashKeys)[number]): HashKey {
  switch (key) {
    case 'httpHeaderName': {
      const name = textOf(raw, key)!;
      checkHeaderName(found, name, `${path}.${key}`);
      const rewrite = mappingOf(raw, 'httpHeaderRegexRewrite');
      const regexRewrite = readRewrite(found, rewrite, `${path}.httpHeaderRegexRewrite`);
      return { type: 'header', name: name.toLowerCase(), regexRewrite };
    }
    case 'httpCookie':
      return readCookie(found, mappingOf(raw, key)!, `${path}.${key}`);
    case 'httpQueryParameterName':
      return { type: 'query', name: textOf(raw, key)! };
    case 'useSourceIp':
      return { type: 'sourceIp' };
  }
}

/** Cookie names and attributes as RFC 6265 allows them in Set-Cookie. */
function readCookie(found: Findings, raw: Raw, path: string): HashKey {
  const name = textOf(raw, 'name') ?? '';
  if (!isToken(name)) found.error('WEFT0220', `${path}.name`, `${quote(name)} is no cookie name`);
  const cookiePath = textOf(raw, 'path');
  checkCookiePart(found, cookiePath, `${path}.path`);
  const attributes = mappingsOf(raw, 'attributes').map((attribute, index) => {
    const place = at(`${path}.attributes`, index);
    const pair = { name: textOf(attribute, 'name') ?? '', value: textOf(attribute, 'value') ?? '' };
    if (!isToken(pair.name)) found.error('WEFT0220', `${place}.name`, `${quote(pair.name)} is no attribute name`);
    checkCookiePart(found, pair.value, `${place}.value`);
    return pair;
  });
  return { type: 'cookie', name, path: cookiePath, ttlMs: msOf(raw, 'ttl'), attributes };
}

function checkCookiePart(found: Findings, value: string | undefined, path: string): void {
  if (value === undefined || /^[\x20-\x3a\x3c-\x7e]*$/.test(value)) return;
  found.error('WEFT0220', path, 'has a semicolon or a character that is not printable ASCII');
}

function readAlgorithm(found: Findings, raw: Raw, path: string): ConsistentHash['algorithm'] {
  const old = numberOf(raw, 'minimumRingSize') || undefined;
  const ring = mappingOf(raw, 'ringHash');
  const maglev = mappingOf(raw, 'maglev');
  if (old !== undefined) {
    const place = `${path}.minimumRingSize`;
    found.warning('WEFT0308', place, 'is now ringHash.minimumRingSize', 'write ringHash: { minimumRingSize }');
    if (ring !== undefined || maglev !== undefined)
      found.error('WEFT0212', place, 'there is ringHash or maglev already');
  }
  if (ring !== undefined && maglev !== undefined)
    found.error('WEFT0212', `${path}.maglev`, 'there is ringHash already');
  if (maglev === undefined) {
    return { type: 'ringHash', minimumRingSize: (numberOf(ring, 'minimumRingSize') || old) ?? 1024 };
  }
  const tableSize = numberOf(maglev, 'tableSize') || undefined;
  if (tableSize !== undefined && !isPrime(tableSize)) {
    found.error('WEFT0207', `${path}.maglev.tableSize`, `must be a prime number, not ${tableSize}`);
  }
  return { type: 'maglev', tableSize };
}

function isPrime(value: number): boolean {
  if (value < 2) return false;
  for (let divisor = 2; divisor * divisor <= value; divisor++) if (value % divisor === 0) return false;
  return true;
}

function readLocality(found: Findings, raw: Raw | undefined, path: string): LocalityLbSetting | undefined {
  if (raw === undefined) return undefined;
  const distribute = mappingsOf(raw, 'distribute').map((entry, index) =>
    readDistribution(found, entry, at(`${path}.distribute`, index)),
  );
  const failover = mappingsOf(raw, 'failover').map((entry, index) => {
    const pair = { from: textOf(entry, 'from') ?? '', to: textOf(entry, 'to') ?? '' };
    if (pair.from === pair.to) {
      found.error('WEFT0212', at(`${path}.failover`, index), 'fails over to the region it is for');
    }
    return pair;
  });
  if (distribute.length > 0 && failover.length > 0) {
    found.error('WEFT0212', `${path}.failover`, 'there is distribute already');
  }
  checkDistinct(found, distribute, path);
  return { enabled: flagOf(raw, 'enabled'), distribute, failover, failoverPriority: readPriority(found, raw, path) };
}

function readDistribution(found: Findings, raw: Raw, path: string): LocalityLbSetting['distribute'][number] {
  const from = textOf(raw, 'from') ?? '';
  checkLocality(found, from, `${path}.from`);
  const to = new Map(entriesOf<number>(raw, 'to'));
  let total = 0;
  for (const [locality, weight] of to) {
    const place = child(`${path}.to`, locality);
    checkLocality(found, locality, place);
    if (weight === 0) found.error('WEFT0207', place, 'must be from 1 to 100, not 0');
    total += weight;
  }
  if (total !== 100) found.error('WEFT0207', `${path}.to`, `the weights must add up to 100, not ${total}`);
  return { from, to };
}

/** REGION, REGION/ZONE or REGION/ZONE/SUBZONE, the last of them possibly `*`. */
function checkLocality(found: Findings, text: string, path: string): void {
  const parts = text.split('/');
  const wildcard = parts.indexOf('*');
  const valid = parts.length <= 3 && !parts.includes('') && (wildcard < 0 || wildcard === parts.length - 1);
  if (!valid) found.error('WEFT0204', path, `must be REGION[/ZONE[/SUBZONE]], * last, not ${quote(text)}`);
}

function checkDistinct(found: Findings, distribute: LocalityLbSetting['distribute'], path: string): void {
  const seen = new Set<string>();
  for (const [index, { from }] of distribute.entries()) {
    if (seen.has(from))
      found.error('WEFT0211', `${at(`${path}.distribute`, index)}.from`, `${quote(from)} is there twice`);
    seen.add(from);
  }
}

const topologyLabels = ['topology.kubernetes.io/region', 'topology.kubernetes.io/zone', 'topology.istio.io/subzone'];

function readPriority(found: Findings, raw: Raw, path: string): readonly string[] {
  const failover = mappingsOf(raw, 'failover').length > 0;
  return textsOf(raw, 'failoverPriority').map((label, index) => {
    const place = at(`${path}.failoverPriority`, index);
    if (!isName('qualified', label.split('=')[0]!)) {
      found.error('WEFT0213', place, `must be a label's key or KEY=VALUE, not ${quote(label)}`);
    }
    if (failover && topologyLabels.includes(label)) found.error('WEFT0212', place, 'failover already says this');
    return label;
  });
}

function readWarmup(found: Findings, raw: Raw, path: string): Warmup | undefined {
  const warmup = mappingOf(raw, 'warmup');
  const old = msOf(raw, 'warmupDurationSecs');
  if (old !== undefined) {
    const place = child(path, 'warmupDurationSecs');
    found.warning('WEFT0308', place, 'is now warmup.duration', 'write warmup: { duration }');
    if (warmup !== undefined) found.error('WEFT0212', place, 'there is warmup already');
  }
  const durationMs = msOf(warmup, 'duration') ?? old;
  if (durationMs === undefined) return undefined;
  return {
    durationMs,
    minimumPercent: numberOf(warmup, 'minimumPercent') ?? 10,
    aggression: numberOf(warmup, 'aggression') ?? 1,
  };
}
