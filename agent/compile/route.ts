import { compileRegex } from '../model/regex.js';
import type { HttpMatch, HttpRule, PathMatch, RouteTable, RuleSet, StringMatch } from './snapshot.js';

/** What rules are matched against. */
export interface RequestView {
  readonly method: string;
  /** `http` or `https`. */
  readonly scheme: string;
  /** As the client sent it, with its port when it has one. */
  readonly authority: string;
  /** Normalised, without the query. */
  readonly path: string;
  /** As sent, without `?`; empty without a query. */
  readonly query: string;
  /** That the client addressed. */
  readonly port: number;
  /** Content-Type is application/grpc or application/grpc+…. */
  readonly isGrpc: boolean;
  /** By name in lower case; several lines are joined by `,`. */
  header(name: string): string | undefined;
}

export interface ClientView {
  /** Empty outside the mesh. */
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  /** `mesh`, or NS/NAME of the Gateway that the request came in by. */
  readonly gateway: string;
}

export type HttpVerdict =
  /** `match` is undefined for a rule without matches. */
  | { readonly type: 'rule'; readonly set: RuleSet; readonly rule: HttpRule; readonly match: HttpMatch | undefined }
  /** 404. */
  | { readonly type: 'no-match'; readonly set: RuleSet }
  /** No set is visible to the client: the addressee's own cluster. */
  | { readonly type: 'default' };

/** One thing that a match asks for. */
export interface Condition {
  /** `path`, `headers["x-user"]`, `sourceLabels`…, for people. */
  readonly subject: string;
  /** Completes a sentence after the subject: `is "/a"`, `starts with "/v2"`. */
  wanted(): string;
  /** What the request has of it; undefined: nothing. */
  found(request: RequestView, client: ClientView): string | undefined;
  holds(request: RequestView, client: ClientView): boolean;
}

/** One match of one rule: the unit of first-match. */
export interface Alternative {
  readonly rule: HttpRule;
  readonly match: HttpMatch | undefined;
  /** The path first. */
  readonly conditions: readonly Condition[];
}

export interface CompiledSet {
  readonly set: RuleSet;
  readonly namespaces: ReadonlySet<string> | undefined;
  /** In the order of the rules and their matches. */
  readonly alternatives: readonly Alternative[];
  /** Ascending indexes of the alternatives that ask for exactly this path. */
  readonly byPath: ReadonlyMap<string, readonly number[]>;
  /** Of those that ask for this beginning of the path, where there are many; the lengths of the beginnings, ascending. */
  readonly byStart: ReadonlyMap<string, readonly number[]>;
  readonly startLengths: readonly number[];
  /** Ascending indexes of all others. */
  readonly rest: readonly number[];
}

export interface CompiledTable {
  readonly sets: readonly CompiledSet[];
}

const compiled = new WeakMap<RouteTable, CompiledTable>();

/** The table with its regexes compiled and its exact paths indexed; the same object for the same table. */
export function compileTable(table: RouteTable): CompiledTable {
  let found = compiled.get(table);
  if (found === undefined) {
    found = { sets: table.sets.map(compileSet) };
    compiled.set(table, found);
  }
  return found;
}

/** The first rule, in the order of the resource, of the first set that the client sees. */
export function matchHttp(table: CompiledTable, request: RequestView, client: ClientView): HttpVerdict {
  const compiledSet = visibleSet(table, client);
  if (compiledSet === undefined) return { type: 'default' };
  const { set, alternatives, rest } = compiledSet;
  const likely = likelyAt(compiledSet, request.path);
  for (let i = 0, j = 0; i < likely.length || j < rest.length; ) {
    const takeLikely = j === rest.length || (i < likely.length && likely[i]! < rest[j]!);
    const alternative = alternatives[takeLikely ? likely[i++]! : rest[j++]!]!;
    if (failedCondition(alternative, request, client) === undefined) {
      return { type: 'rule', set, rule: alternative.rule, match: alternative.match };
    }
  }
  return { type: 'no-match', set };
}

/** The set that decides for this client; undefined: none does. */
export function visibleSet(table: CompiledTable, client: ClientView): CompiledSet | undefined {
  return table.sets.find(({ namespaces }) => namespaces === undefined || namespaces.has(client.namespace));
}

/** The first condition that does not hold; undefined: the alternative matches. */
export function failedCondition(
  alternative: Alternative,
  request: RequestView,
  client: ClientView,
): Condition | undefined {
  for (const condition of alternative.conditions) if (!condition.holds(request, client)) return condition;
  return undefined;
}

const none: readonly number[] = [];

/** Ascending indexes of the alternatives that the path leads to; those of `rest` are to be tried beside them. */
function likelyAt({ byPath, byStart, startLengths }: CompiledSet, path: string): readonly number[] {
  const exact = byPath.get(path) ?? none;
  if (startLengths.length === 0) return exact;
  const found = [...exact];
  for (const length of startLengths) {
    if (length > path.length) break;
    found.push(...(byStart.get(path.slice(0, length)) ?? none));
  }
  return found.sort((a, b) => a - b);
}

/** From so many beginnings on they are looked up rather than tried one after the other. */
const manyStarts = 24;

function compileSet(set: RuleSet): CompiledSet {
  const alternatives = set.rules.flatMap(alternativesOf);
  const byPath = new Map<string, number[]>();
  const byStart = new Map<string, number[]>();
  const rest: number[] = [];
  const isMany = alternatives.filter(({ match }) => startOf(match) !== undefined).length >= manyStarts;
  for (const [index, { match }] of alternatives.entries()) {
    const start = isMany ? startOf(match) : undefined;
    if (match?.path?.type === 'exact' && !match.ignoreCase) file(byPath, match.path.value, index);
    else if (start !== undefined) file(byStart, start, index);
    else rest.push(index);
  }
  const namespaces = set.namespaces === undefined ? undefined : new Set(set.namespaces);
  const startLengths = [...new Set([...byStart.keys()].map((start) => start.length))].sort((a, b) => a - b);
  return { set, namespaces, alternatives, byPath, byStart, startLengths, rest };
}

/** The text that every path begins with that the match takes; undefined: none is known. */
function startOf(match: HttpMatch | undefined): string | undefined {
  const path = match?.path;
  if (path?.type === 'elements') return withoutFinalSlash(path.value);
  return path?.type === 'prefix' && !match?.ignoreCase ? path.value : undefined;
}

function file(index: Map<string, number[]>, key: string, value: number): void {
  const list = index.get(key);
  if (list === undefined) index.set(key, [value]);
  else list.push(value);
}

function alternativesOf(rule: HttpRule): readonly Alternative[] {
  const grpc = rule.grpcOnly ? [grpcCondition] : [];
  if (rule.matches.length === 0) return [{ rule, match: undefined, conditions: grpc }];
  return rule.matches.map((match) => ({ rule, match, conditions: [...conditionsOf(match), ...grpc] }));
}

const grpcCondition: Condition = {
  subject: 'content-type',
  wanted: () => 'starts with "application/grpc"',
  found: (request) => request.header('content-type'),
  holds: (request) => request.isGrpc,
};

function conditionsOf(match: HttpMatch): readonly Condition[] {
  const { path, ignoreCase, method, authority, scheme, headers, withoutHeaders, query } = match;
  const conditions: Condition[] = [];
  if (path !== undefined) conditions.push(textCondition('path', path, (request) => request.path, ignoreCase));
  if (method !== undefined) conditions.push(textCondition('method', method, (request) => request.method));
  if (authority !== undefined) conditions.push(textCondition('authority', authority, (request) => request.authority));
  if (scheme !== undefined) conditions.push(textCondition('scheme', scheme, (request) => request.scheme));
  conditions.push(...clientConditions(match));
  for (const [name, wanted] of headers) {
    conditions.push(textCondition(`headers[${JSON.stringify(name)}]`, wanted, (request) => request.header(name)));
  }
  for (const [name, unwanted] of withoutHeaders) conditions.push(absence(name, unwanted));
  for (const [name, wanted] of query) {
    const read = (request: RequestView) => queryValue(request.query, name);
    conditions.push(textCondition(`query[${JSON.stringify(name)}]`, wanted, read));
  }
  return conditions;
}

/** A value that is not there matches nothing. */
function textCondition(
  subject: string,
  wanted: PathMatch,
  read: (request: RequestView) => string | undefined,
  ignoreCase = false,
): Condition {
  const test = textTest(wanted, ignoreCase);
  return {
    subject,
    wanted: () => `${showMatch(wanted)}${ignoreCase ? ', in any case' : ''}`,
    found: read,
    holds: (request) => {
      const value = read(request);
      return value !== undefined && test(value);
    },
  };
}

/**
 * withoutHeaders: a header that is not there counts as an empty one, but not as present (Envoy's
 * treat_missing_header_as_empty).
 */
function absence(name: string, unwanted: StringMatch): Condition {
  const test = textTest(unwanted, false);
  return {
    subject: `headers[${JSON.stringify(name)}]`,
    wanted: () => (unwanted.type === 'present' ? 'is absent' : `is not one that ${showMatch(unwanted)}`),
    found: (request) => request.header(name),
    holds: (request) => {
      const value = request.header(name);
      return unwanted.type === 'present' ? value === undefined : !test(value ?? '');
    },
  };
}

/**
 * `gateways` says by which way the request came. What a match says about the source means Pods: where the match names the
 * Gateway that a request came in by, that part is not asked (VirtualService, HTTPMatchRequest: "The gateway match is
 * independent of sourceLabels").
 */
function clientConditions({ port, gateways, sourceLabels, sourceNamespace }: HttpMatch): readonly Condition[] {
  const conditions: Condition[] = [];
  const asked = (client: ClientView) => client.gateway === 'mesh' || gateways === undefined;
  if (port !== undefined) {
    conditions.push({
      subject: 'port',
      wanted: () => `is ${port}`,
      found: (request) => String(request.port),
      holds: (request) => request.port === port,
    });
  }
  if (gateways !== undefined) {
    conditions.push({
      subject: 'gateways',
      wanted: () => `is one of ${gateways.join(', ')}`,
      found: (_, client) => client.gateway,
      holds: (_, client) => gateways.includes(client.gateway),
    });
  }
  for (const [name, value] of Object.entries(sourceLabels ?? {})) {
    conditions.push({
      subject: `sourceLabels[${JSON.stringify(name)}]`,
      wanted: () => `is ${JSON.stringify(value)}`,
      found: (_, client) => ownLabel(client, name),
      holds: (_, client) => !asked(client) || ownLabel(client, name) === value,
    });
  }
  if (sourceNamespace !== undefined) {
    conditions.push({
      subject: 'sourceNamespace',
      wanted: () => `is ${JSON.stringify(sourceNamespace)}`,
      found: (_, client) => client.namespace,
      holds: (_, client) => !asked(client) || client.namespace === sourceNamespace,
    });
  }
  return conditions;
}

function ownLabel(client: ClientView, name: string): string | undefined {
  return Object.hasOwn(client.labels, name) ? client.labels[name] : undefined;
}

/** What a match says about a text. Of `ignoreCase`, exact and prefix take note. A text that is no RE2 matches nothing: parsing has refused it. */
export function textTest(wanted: PathMatch, ignoreCase: boolean): (text: string) => boolean {
  switch (wanted.type) {
    case 'present':
      return () => true;
    case 'exact': {
      const { value } = wanted;
      if (!ignoreCase) return (text) => text === value;
      const lower = value.toLowerCase();
      return (text) => text.toLowerCase() === lower;
    }
    case 'prefix': {
      const { value } = wanted;
      if (!ignoreCase) return (text) => text.startsWith(value);
      const lower = value.toLowerCase();
      return (text) => text.toLowerCase().startsWith(lower);
    }
    case 'elements': {
      const value = withoutFinalSlash(wanted.value);
      return (text) => text.startsWith(value) && (text.length === value.length || text[value.length] === '/');
    }
    case 'regex': {
      const regex = compileRegex(wanted.value);
      return regex.ok ? regex.matcher.matches : () => false;
    }
  }
}

/** `/a/` and `/a` are one prefix, `/` is the empty one. */
export function withoutFinalSlash(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path;
}

/**
 * The first value of a parameter, undefined without one; neither names nor values are decoded, and a parameter without `=` is
 * empty (Envoy, QueryParamsMulti::parseQueryString and getFirstValue).
 */
export function queryValue(query: string, name: string): string | undefined {
  for (let start = 0; start < query.length; ) {
    const next = query.indexOf('&', start);
    const end = next < 0 ? query.length : next;
    const equals = query.indexOf('=', start);
    const nameEnd = equals < 0 || equals > end ? end : equals;
    if (nameEnd - start === name.length && query.startsWith(name, start)) {
      return nameEnd === end ? '' : query.slice(nameEnd + 1, end);
    }
    start = end + 1;
  }
  return undefined;
}

/** Completes a sentence about a text. */
export function showMatch(match: PathMatch): string {
  switch (match.type) {
    case 'present':
      return 'is present';
    case 'exact':
      return `is ${JSON.stringify(match.value)}`;
    case 'prefix':
      return `starts with ${JSON.stringify(match.value)}`;
    case 'elements':
      return `is ${JSON.stringify(match.value)} or below it`;
    case 'regex':
      return `matches ${JSON.stringify(match.value)}`;
  }
}
