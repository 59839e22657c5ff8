import { type DestinationRule, keyOf } from './mesh.js';
import { hostOfService, hostsMeant, wildcardCovers } from './names.js';

/** DestinationRules by the full hosts that they can mean. */
export class RuleIndex {
  readonly #exact = new Map<string, DestinationRule[]>();
  readonly #wildcards: DestinationRule[] = [];

  static isWildcard(rule: DestinationRule): boolean {
    return rule.host.startsWith('*');
  }

  put(rule: DestinationRule): void {
    if (RuleIndex.isWildcard(rule)) this.#wildcards.push(rule);
    for (const host of hostsMeant(rule.host, rule.meta.namespace)) {
      const rules = this.#exact.get(host);
      if (rules === undefined) this.#exact.set(host, [rule]);
      else rules.push(rule);
    }
  }

  remove(rule: DestinationRule): void {
    if (RuleIndex.isWildcard(rule)) drop(this.#wildcards, rule);
    for (const host of hostsMeant(rule.host, rule.meta.namespace)) {
      const rules = this.#exact.get(host);
      if (rules === undefined) continue;
      drop(rules, rule);
      if (rules.length === 0) this.#exact.delete(host);
    }
  }

  /**
   * The one rule for connections to a Service. As Istio looks them up, but the same for every client (so none with a workloadSelector):
   * rules of the Service's own namespace come first, then an exact host before wildcards, the longer wildcard, the older rule, and NS/NAME.
   */
  ruleFor(serviceKey: string): DestinationRule | undefined {
    let best: DestinationRule | undefined;
    for (const rule of this.candidates(serviceKey)) {
      if (rule.workloadSelector !== undefined) continue;
      if (best === undefined || precedes(rule, best, serviceKey)) best = rule;
    }
    return best;
  }

  /** Every rule that names the Service, in no order. */
  candidates(serviceKey: string): readonly DestinationRule[] {
    const host = hostOfService(serviceKey);
    const exact = this.#exact.get(host) ?? [];
    if (this.#wildcards.length === 0) return exact;
    return [...exact, ...this.#wildcards.filter((rule) => wildcardCovers(rule.host, host))];
  }
}

function drop(rules: DestinationRule[], rule: DestinationRule): void {
  const index = rules.indexOf(rule);
  if (index >= 0) rules.splice(index, 1);
}

function precedes(a: DestinationRule, b: DestinationRule, serviceKey: string): boolean {
  const namespace = serviceKey.slice(0, serviceKey.indexOf('/'));
  const own = Number(b.meta.namespace === namespace) - Number(a.meta.namespace === namespace);
  if (own !== 0) return own < 0;
  const exact = Number(RuleIndex.isWildcard(a)) - Number(RuleIndex.isWildcard(b));
  if (exact !== 0) return exact < 0;
  if (RuleIndex.isWildcard(a) && a.host.length !== b.host.length) return a.host.length > b.host.length;
  if (a.meta.created !== b.meta.created) return a.meta.created < b.meta.created;
  return keyOf(a) < keyOf(b);
}
