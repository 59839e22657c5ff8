import type { PortPolicy, RetryBudget, TrafficPolicy } from '../model/destination-rule.js';
import type { EffectiveRule, Placed } from './rule-lookup.js';

/** What a DestinationRule says of one port of a host, or of a subset there; each setting with its place. */
export interface TrafficSettings {
  readonly loadBalancer?: Placed<NonNullable<PortPolicy['loadBalancer']>>;
  readonly connectionPool?: Placed<NonNullable<PortPolicy['connectionPool']>>;
  readonly outlierDetection?: Placed<NonNullable<PortPolicy['outlierDetection']>>;
  readonly tls?: Placed<NonNullable<PortPolicy['tls']>>;
  readonly retryBudget?: Placed<RetryBudget>;
}

const portSettings = ['loadBalancer', 'connectionPool', 'outlierDetection', 'tls'] as const;

/**
 * As Istio merges them (MergeSubsetTrafficPolicy): a port's settings replace all of the policy that they stand in, so that what they
 * omit is the default; a subset's settings replace the rule's one by one, and those of a subset's port all four.
 */
export function settingsOf(rule: EffectiveRule | undefined, subset: string, port: number): TrafficSettings {
  const general = rule?.policy === undefined ? {} : settingsAt(rule.policy, port).settings;
  const placed = subset === '' ? undefined : rule?.subsets.get(subset);
  if (placed?.part.trafficPolicy === undefined) return general;
  const path = `${placed.path}.trafficPolicy`;
  const { settings, ofPort } = settingsAt({ part: placed.part.trafficPolicy, rule: placed.rule, path }, port);
  if (!ofPort) return { ...general, ...settings };
  return general.retryBudget === undefined ? settings : { retryBudget: general.retryBudget, ...settings };
}

function settingsAt(
  { part, rule, path }: Placed<TrafficPolicy>,
  port: number,
): { readonly settings: TrafficSettings; readonly ofPort: boolean } {
  const own = part.portLevelSettings.get(port);
  const settings: Record<string, Placed<unknown>> = {};
  const place = own === undefined ? path : `${path}.portLevelSettings`;
  for (const name of portSettings) {
    const setting = (own ?? part)[name];
    if (setting !== undefined)
      settings[name] = { part: setting, rule, path: own === undefined ? `${place}.${name}` : place };
  }
  if (own === undefined && part.retryBudget !== undefined) {
    settings.retryBudget = { part: part.retryBudget, rule, path: `${path}.retryBudget` };
  }
  return { settings: settings as TrafficSettings, ofPort: own !== undefined };
}
