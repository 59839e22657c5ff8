import type { ExplainedCandidate } from './explain.js';
import {
  type Alternative,
  type ClientView,
  type CompiledSet,
  compileTable,
  failedCondition,
  matchHttp,
  type RequestView,
  textTest,
  visibleSet,
} from './route.js';
import { showAction } from './rule-text.js';
import type { Destination, HttpMatch, HttpRule, RouteTable } from './snapshot.js';

export interface HttpQuestion {
  readonly table: RouteTable;
  readonly request: RequestView;
  readonly client: ClientView;
  /** Key of the addressee's own cluster; empty for traffic from outside. */
  readonly cluster: string;
}

/** The endpoints of a cluster with their probabilities within it, for this client; undefined: there is no such cluster. */
export type EndpointShares = (cluster: string) => readonly ExplainedCandidate[] | undefined;

export interface HttpExplanation {
  /** Name of the rule; empty: none decides. */
  readonly rule: string;
  /** The match of the rule that held; undefined: the rule has none, or there is no rule. */
  readonly match: HttpMatch | undefined;
  /** What decides; undefined: no rule. */
  readonly decided: HttpRule | undefined;
  /** Of an answer that the gateway gives by itself, whatever the share. */
  readonly status: number | undefined;
  /** Weight of the destination times the probability within its cluster; an endpoint is there once. */
  readonly candidates: readonly ExplainedCandidate[];
  /** One sentence for each rule before the one that decides, and what that one does. */
  readonly steps: readonly string[];
}

/** So many rules that do not match are told one by one. */
const mostTold = 20;

/** Which rule a request gets, why, and where it leads it. */
export function explainHttp(question: HttpQuestion, sharesOf: EndpointShares): HttpExplanation {
  const { request, client } = question;
  const table = compileTable(question.table);
  const set = visibleSet(table, client);
  const hidden = table.sets.slice(0, set === undefined ? undefined : table.sets.indexOf(set));
  const steps = hidden.map(({ set: each }) => `${each.resource} is not for clients of namespace ${client.namespace}`);
  const verdict = matchHttp(table, request, client);
  switch (verdict.type) {
    case 'default': {
      const candidates = sharesOf(question.cluster) ?? [];
      steps.push(`no rule is for this client: the request goes to ${question.cluster}`);
      return { rule: '', match: undefined, decided: undefined, status: undefined, candidates, steps };
    }
    case 'no-match':
      steps.push(...refusals(set!, undefined, request, client), `no rule of ${set!.set.resource} matches: 404`);
      return { rule: '', match: undefined, decided: undefined, status: 404, candidates: [], steps };
    case 'rule': {
      const { rule, match } = verdict;
      steps.push(
        ...refusals(set!, rule, request, client),
        `${rule.name} ${reasonOf(rule, match)}: ${showAction(rule)}`,
      );
      const preflight = preflightStep(rule, request);
      if (preflight !== undefined) {
        steps.push(preflight);
        return { rule: rule.name, match, decided: rule, status: 200, candidates: [], steps };
      }
      const { status, candidates } = ledTo(rule, sharesOf, steps);
      return { rule: rule.name, match, decided: rule, status, candidates, steps };
    }
  }
}

/** Undefined: the request is no preflight, or CORS lets it pass. */
function preflightStep({ cors }: HttpRule, request: RequestView): string | undefined {
  const origin = request.header('origin');
  const asked = request.header('access-control-request-method');
  if (cors === undefined || request.method !== 'OPTIONS' || !origin || !asked) return undefined;
  const isAllowed = cors.allowOrigins.some((each) => textTest(each, false)(origin));
  if (!isAllowed && cors.unmatchedPreflights === 'forward') return undefined;
  return `a CORS preflight, answered by the gateway: ${origin} is ${isAllowed ? '' : 'not '}allowed`;
}

function reasonOf(rule: HttpRule, match: HttpMatch | undefined): string {
  if (match === undefined) return rule.grpcOnly ? 'takes every gRPC call' : 'takes every request';
  const index = rule.matches.indexOf(match);
  const name = match.name === '' ? '' : ` (${match.name})`;
  return rule.matches.length === 1 ? `matches${name}` : `matches by match[${index}]${name}`;
}

/** One sentence for each rule before `until`, or for all of them. */
function refusals(
  { alternatives }: CompiledSet,
  until: HttpRule | undefined,
  request: RequestView,
  client: ClientView,
): readonly string[] {
  const byRule = new Map<HttpRule, Alternative[]>();
  for (const alternative of alternatives) {
    if (alternative.rule === until) break;
    const same = byRule.get(alternative.rule);
    if (same === undefined) byRule.set(alternative.rule, [alternative]);
    else same.push(alternative);
  }
  const told = [...byRule].slice(0, mostTold).map(([rule, own]) => {
    const reasons = own.map((alternative) => refusal(alternative, request, client));
    return `${rule.name} does not match: ${reasons.join('; ')}`;
  });
  const more = byRule.size - told.length;
  return more > 0 ? [...told, `${more} more rules before it do not match`] : told;
}

function refusal(alternative: Alternative, request: RequestView, client: ClientView): string {
  const failed = failedCondition(alternative, request, client)!;
  const found = failed.found(request, client);
  const is = found === undefined || found === '' ? 'absent' : JSON.stringify(found.slice(0, 200));
  return `${failed.subject} is ${is}, wanted: ${failed.wanted()}`;
}

function ledTo(
  { action, fault }: HttpRule,
  sharesOf: EndpointShares,
  steps: string[],
): Pick<HttpExplanation, 'status' | 'candidates'> {
  if (action.type !== 'route') return { status: action.status, candidates: [] };
  if (fault?.abort?.percent === 100 && fault.abort.status !== undefined) {
    return { status: fault.abort.status, candidates: [] };
  }
  const total = action.destinations.reduce((sum, { weight }) => sum + weight, 0);
  if (total === 0) return { status: 500, candidates: [] };
  const candidates = new Map<string, ExplainedCandidate>();
  const failures = new Set<number>();
  let failed = 0;
  for (const destination of action.destinations) {
    const share = destination.weight / total;
    if (share === 0) continue;
    const own = destination.failWith === undefined ? sharesOf(destination.cluster) : undefined;
    if (own === undefined) {
      failures.add(destination.failWith ?? 503);
      failed += share;
      steps.push(failureStep(destination, share));
      continue;
    }
    for (const each of own) {
      const probability = (candidates.get(each.address)?.probability ?? 0) + each.probability * share;
      candidates.set(each.address, { ...each, probability });
    }
  }
  const [only] = failures;
  return { status: failed > 1 - 1e-9 ? only : undefined, candidates: [...candidates.values()] };
}

function failureStep({ cluster, failWith }: Destination, share: number): string {
  const percent = `${Number((100 * share).toFixed(2))} %`;
  return failWith === undefined
    ? `${cluster} does not exist: ${percent} of its requests get 503`
    : `a backend that cannot be resolved has ${percent} of its requests: they get ${failWith}`;
}
