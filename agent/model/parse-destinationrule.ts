import { entriesOf, labelsOf, mappingOf, mappingsOf, textOf } from './checked.js';
import type { DestinationRule, Subset } from './destination-rule.js';
import { at, fieldOf, type Raw } from './fields.js';
import { child, type Findings, quote } from './findings.js';
import type { Metadata } from './mesh.js';
import { isLabelValue, isName, nameForms } from './names.js';
import { policyFields, readTrafficPolicy } from './parse-trafficpolicy.js';
import { readExportTo } from './parse-visibility.js';
import { checkShape, host, listOf, mapOf, object, required, type Shape, string, strings } from './schema.js';

/** Every field of networking.istio.io DestinationRule (istio/api, destination_rule.proto). */
const spec: Shape = object({
  host: required(host),
  trafficPolicy: object(policyFields),
  subsets: listOf(object({ name: required(string), labels: mapOf(string), trafficPolicy: object(policyFields) })),
  exportTo: strings,
  workloadSelector: object({ matchLabels: mapOf(string) }),
});

export function parseDestinationRule(found: Findings, raw: Raw, meta: Metadata): DestinationRule | undefined {
  const written = (fieldOf(raw, 'spec') ?? {}) as Raw;
  checkShape(found, written, spec, 'spec');
  if (found.malformed) return undefined;
  return {
    kind: 'DestinationRule',
    meta,
    host: textOf(written, 'host')!,
    trafficPolicy: readTrafficPolicy(found, mappingOf(written, 'trafficPolicy'), 'spec.trafficPolicy'),
    subsets: readSubsets(found, written),
    exportTo: readExportTo(found, written, meta.namespace),
    workloadSelector: readSelector(found, written),
  };
}

function readSubsets(found: Findings, written: Raw): readonly Subset[] {
  const names = new Set<string>();
  return mappingsOf(written, 'subsets').map((subset, index) => {
    const path = at('spec.subsets', index);
    const name = textOf(subset, 'name') ?? '';
    if (!isName('label1123', name)) {
      found.error('WEFT0204', `${path}.name`, `must be ${nameForms.label1123}, not ${quote(name)}`);
    }
    if (names.has(name)) found.error('WEFT0211', `${path}.name`, `there is a subset ${quote(name)} already`);
    names.add(name);
    checkLabels(found, subset, path, 'labels');
    return {
      name,
      labels: labelsOf(subset, 'labels'),
      trafficPolicy: readTrafficPolicy(found, mappingOf(subset, 'trafficPolicy'), `${path}.trafficPolicy`),
    };
  });
}

function checkLabels(found: Findings, raw: Raw, path: string, key: string): void {
  for (const [name, value] of entriesOf<string>(raw, key)) {
    if (isName('qualified', name) && isLabelValue(value)) continue;
    found.error('WEFT0213', child(child(path, key), name), `${quote(name)}: ${quote(value)} is no label`);
  }
}

/** An empty selector is for every client, like none. */
function readSelector(found: Findings, written: Raw): DestinationRule['workloadSelector'] {
  const selector = mappingOf(written, 'workloadSelector');
  if (selector === undefined) return undefined;
  checkLabels(found, selector, 'spec.workloadSelector', 'matchLabels');
  const labels = labelsOf(selector, 'matchLabels');
  return Object.keys(labels).length === 0 ? undefined : labels;
}
