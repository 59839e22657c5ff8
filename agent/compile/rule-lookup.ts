import type { DestinationRule, Subset, TrafficPolicy } from '../model/destination-rule.js';
import { keyOf } from '../model/mesh.js';
import { hostsMeant, wildcardCovers } from '../model/names.js';
import { rootNamespace } from '../model/root-namespace.js';

/** What the DestinationRules of one host in one namespace say together, to some clients. */
export interface EffectiveRule {
  /** Those that were merged, older first; at least one. */
  readonly rules: readonly DestinationRule[];
  readonly policy: Placed<TrafficPolicy> | undefined;
  readonly subsets: ReadonlyMap<string, Placed<Subset>>;
}

/** A part of an object, and where it stands there. */
export interface Placed<Part> {
  readonly part: Part;
  readonly rule: DestinationRule;
  /** As `spec.trafficPolicy`. */
  readonly path: string;
}

/** What some clients get. */
export interface RuleView {
  /** Namespaces and labels of the client Pods; undefined: any. */
  readonly namespaces: readonly string[] | undefined;
  readonly labels: Readonly<Record<string, string>> | undefined;
  readonly rule: EffectiveRule | undefined;
  /** Whether these clients may use the host at all. */
  readonly allowed: boolean;
}

/** Rules of one namespace for one host, older first. */
type Group = readonly DestinationRule[];

/** DestinationRules by the host that they are about. */
export class RuleLookup {
  readonly #exact = new Map<string, DestinationRule[]>();
  readonly #wildcards: DestinationRule[] = [];

  constructor(rules: Iterable<DestinationRule>) {
    for (const rule of rules) {
      if (rule.host.startsWith('*')) this.#wildcards.push(rule);
      else for (const host of hostsMeant(rule.host, rule.meta.namespace)) this.#file(host, rule);
    }
  }

  #file(host: string, rule: DestinationRule): void {
    const rules = this.#exact.get(host);
    if (rules === undefined) this.#exact.set(host, [rule]);
    else rules.push(rule);
  }

  /** Every rule that is about the full host, in no order. */
  about(host: string): readonly DestinationRule[] {
    const exact = this.#exact.get(host) ?? [];
    if (this.#wildcards.length === 0) return exact;
    return [...exact, ...this.#wildcards.filter((rule) => wildcardCovers(rule.host, host))];
  }

  /**
   * What each client gets for a host that belongs to `namespace`: rules of the client's own namespace, else of the host's, else of
   * the root namespace, as far as they are exported to the client (Istio's PushContext.destinationRule); an exact host goes
   * before the longest wildcard. The first view that fits decides; the last fits every client. `visibleTo`: the namespaces that may
   * use the host; undefined: all.
   */
  viewsOf(host: string, namespace: string, visibleTo?: readonly string[]): readonly RuleView[] {
    const rules = this.about(host);
    const seenBy = (client: string | undefined) => new Viewer(rules, namespace, client).views();
    const [others] = seenBy(undefined).slice(-1);
    if (visibleTo !== undefined) {
      const views = [...new Set(visibleTo)].sort().flatMap(seenBy);
      return [...views, { namespaces: undefined, labels: undefined, rule: undefined, allowed: false }];
    }
    const special: RuleView[] = [];
    for (const client of namespacesNamed(rules, namespace)) {
      const views = seenBy(client);
      if (views.length > 1 || !sameRules(views[0]!.rule, others!.rule)) special.push(...views);
    }
    return [...special, others!];
  }
}

/** Namespaces whose clients may get something else than the others. */
function namespacesNamed(rules: readonly DestinationRule[], namespace: string): readonly string[] {
  const named = new Set<string>();
  if (rules.length > 0) named.add(namespace).add(rootNamespace);
  for (const rule of rules) {
    named.add(rule.meta.namespace);
    for (const each of rule.exportTo ?? []) named.add(each);
  }
  return [...named].sort();
}

function sameRules(a: EffectiveRule | undefined, b: EffectiveRule | undefined): boolean {
  const keys = (rule: EffectiveRule | undefined) => (rule?.rules ?? []).map(keyOf).join(' ');
  return keys(a) === keys(b);
}

/** The look-up for the clients of one namespace; undefined: those of namespaces that no rule names, and from outside. */
class Viewer {
  readonly #rules: readonly DestinationRule[];
  readonly #namespace: string;
  readonly #client: string | undefined;

  constructor(rules: readonly DestinationRule[], namespace: string, client: string | undefined) {
    this.#rules = rules;
    this.#namespace = namespace;
    this.#client = client;
  }

  views(): readonly RuleView[] {
    const group = this.#group();
    const isOwn = group[0]?.meta.namespace === this.#client;
    const general = merged(group.filter((rule) => rule.workloadSelector === undefined));
    const selected = isOwn ? bySelector(group) : [];
    return [
      ...selected.map(([labels, rules]) => this.#view(labels, merged(rules, general))),
      this.#view(undefined, general),
    ];
  }

  #view(labels: Readonly<Record<string, string>> | undefined, rule: EffectiveRule | undefined): RuleView {
    const namespaces = this.#client === undefined ? undefined : [this.#client];
    return { namespaces, labels, rule, allowed: true };
  }

  #group(): Group {
    const own = this.#client === rootNamespace ? undefined : this.#client;
    for (const namespace of [own, this.#namespace, rootNamespace]) {
      const group = namespace === undefined ? [] : closest(this.#rules.filter((rule) => this.#sees(rule, namespace)));
      if (group.length > 0) return group;
    }
    return [];
  }

  /** One with a workloadSelector is for the clients of its own namespace, whatever exportTo says (Istio's PushContext.setDestinationRules). */
  #sees(rule: DestinationRule, namespace: string): boolean {
    if (rule.meta.namespace !== namespace) return false;
    if (rule.workloadSelector !== undefined) return namespace === this.#client;
    return rule.exportTo === undefined || (this.#client !== undefined && rule.exportTo.includes(this.#client));
  }
}

/** Of rules of one namespace those with the closest host, older first. */
function closest(rules: readonly DestinationRule[]): Group {
  const closeness = ({ host }: DestinationRule) => (host.startsWith('*') ? host.length : 1024);
  const best = Math.max(0, ...rules.map(closeness));
  return rules
    .filter((rule) => closeness(rule) === best)
    .sort((a, b) => a.meta.created - b.meta.created || (keyOf(a) < keyOf(b) ? -1 : 1));
}

function bySelector(group: Group): readonly (readonly [Readonly<Record<string, string>>, Group])[] {
  const found = new Map<string, [Readonly<Record<string, string>>, DestinationRule[]]>();
  for (const rule of group) {
    if (rule.workloadSelector === undefined) continue;
    const identity = JSON.stringify(Object.entries(rule.workloadSelector).sort());
    const known = found.get(identity);
    if (known === undefined) found.set(identity, [rule.workloadSelector, [rule]]);
    else known[1].push(rule);
  }
  return [...found.values()];
}

/** As Istio merges rules of one host (mergeDestinationRule): the first that has a traffic policy, each subset as its first rule has it. */
function merged(group: Group, rest?: EffectiveRule): EffectiveRule | undefined {
  if (group.length === 0) return rest;
  const subsets = new Map<string, Placed<Subset>>();
  for (const rule of group) {
    for (const [index, part] of rule.subsets.entries()) {
      if (!subsets.has(part.name)) subsets.set(part.name, { part, rule, path: `spec.subsets[${index}]` });
    }
  }
  for (const [name, subset] of rest?.subsets ?? []) if (!subsets.has(name)) subsets.set(name, subset);
  const decides = group.find((rule) => rule.trafficPolicy !== undefined);
  const policy =
    decides === undefined ? rest?.policy : { part: decides.trafficPolicy!, rule: decides, path: 'spec.trafficPolicy' };
  return { rules: [...group, ...(rest?.rules ?? [])], policy, subsets };
}
