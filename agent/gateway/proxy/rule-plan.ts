import { defaultRetries } from '../../compile/http/retries.js';
import type {
  Destination,
  DirectAction,
  HeaderChanges,
  HttpRule,
  Mirror,
  RedirectAction,
  Rewrite,
  Target,
} from '../../compile/snapshot.js';
import { Cors } from './cors.js';
import { type CompiledChange, compileChange } from './header-change.js';
import { type LocalAnswer, plainAnswer } from './local-answer.js';
import { RetryPolicy } from './retry-policy.js';
import { WeightedDeck } from './weighted-deck.js';

/** One destination of a rule, with all that happens to requests on their way there. */
export interface DestinationPlan {
  readonly cluster: string;
  /** In this order: the destination's, then the rule's, which thereby win (Envoy, header evaluation order). */
  readonly request: readonly CompiledChange[];
  readonly response: readonly CompiledChange[];
  readonly rewrite: Rewrite | undefined;
  readonly mirrors: readonly Mirror[];
  readonly failWith: LocalAnswer | undefined;
}

export interface RoutePlan {
  readonly type: 'route';
  readonly destinations: readonly DestinationPlan[];
  /** Undefined: there is one destination, or none. */
  readonly deck: WeightedDeck | undefined;
  readonly timeoutMs: number | undefined;
  readonly retries: RetryPolicy | undefined;
}

/** A rule as requests need it: everything that is the same for all of them is found out once. */
export interface RulePlan {
  readonly rule: HttpRule | undefined;
  readonly cors: Cors | undefined;
  readonly action: RoutePlan | (RedirectAction | DirectAction);
  /** Of an answer of the rule's own. */
  readonly response: readonly CompiledChange[];
}

const rulePlans = new WeakMap<HttpRule, RulePlan>();
const targetPlans = new WeakMap<Target, RulePlan>();

/** The same object for the same rule. `random`: in [0, 1), for choosing destinations. */
export function planOf(rule: HttpRule, random: () => number): RulePlan {
  let plan = rulePlans.get(rule);
  if (plan === undefined) {
    plan = makePlan(rule, random);
    rulePlans.set(rule, plan);
  }
  return plan;
}

/** For requests that no rule is about: to the addressee's own cluster. */
export function defaultPlanOf(target: Target): RulePlan {
  let plan = targetPlans.get(target);
  if (plan === undefined) {
    const { cluster } = target;
    const own: DestinationPlan = {
      cluster,
      request: [],
      response: [],
      rewrite: undefined,
      mirrors: [],
      failWith: undefined,
    };
    const action: RoutePlan = {
      type: 'route',
      destinations: [own],
      deck: undefined,
      timeoutMs: undefined,
      retries: new RetryPolicy(defaultRetries),
    };
    plan = { rule: undefined, cors: undefined, action, response: [] };
    targetPlans.set(target, plan);
  }
  return plan;
}

function makePlan(rule: HttpRule, random: () => number): RulePlan {
  const { action, headers } = rule;
  const cors = rule.cors === undefined ? undefined : new Cors(rule.cors);
  const response = changes(headers, undefined, 'response');
  if (action.type !== 'route') return { rule, cors, action, response };
  const chosen = action.destinations.filter(({ weight }) => weight > 0);
  const destinations = chosen.map((each) => destinationPlan(each, headers, action.rewrite, action.mirrors));
  const weights = chosen.map(({ weight }) => weight);
  const deck = chosen.length > 1 ? new WeightedDeck(weights, random) : undefined;
  const retries = action.retries === undefined ? undefined : new RetryPolicy(action.retries);
  const { timeoutMs } = action;
  return { rule, cors, action: { type: 'route', destinations, deck, timeoutMs, retries }, response };
}

function destinationPlan(
  destination: Destination,
  headers: HeaderChanges,
  rewrite: Rewrite | undefined,
  mirrors: readonly Mirror[],
): DestinationPlan {
  const { failWith } = destination;
  return {
    cluster: destination.cluster,
    request: changes(headers, destination.headers, 'request'),
    response: changes(headers, destination.headers, 'response'),
    rewrite: destination.rewrite ?? rewrite,
    mirrors: [...mirrors, ...destination.mirrors],
    failWith: failWith === undefined ? undefined : plainAnswer(failWith, 'NC', ''),
  };
}

function changes(
  rule: HeaderChanges,
  destination: HeaderChanges | undefined,
  side: 'request' | 'response',
): readonly CompiledChange[] {
  const all = destination === undefined ? [rule[side]] : [destination[side], rule[side]];
  return all.map(compileChange).filter((change) => change !== undefined);
}

/** One of the destinations by weight; undefined when none is ever taken. */
export function drawDestination({ destinations, deck }: RoutePlan): DestinationPlan | undefined {
  return destinations[deck === undefined ? 0 : deck.draw()];
}
