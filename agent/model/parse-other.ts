import { checkKnown, type Raw, readLabels, readRaw } from './fields.js';
import { child, type Findings } from './findings.js';
import type { Deployment, Metadata, Namespace, Node } from './mesh.js';
import { meshOf } from './parse-metadata.js';

/** The kinds of which little is of interest. */

export function parseNode(_found: Findings, _raw: Raw, meta: Metadata): Node {
  const label = (name: string) => meta.labels[name] ?? '';
  return {
    kind: 'Node',
    meta,
    region: label('topology.kubernetes.io/region'),
    zone: label('topology.kubernetes.io/zone'),
    subzone: label('topology.istio.io/subzone'),
  };
}

export function parseNamespace(_found: Findings, _raw: Raw, meta: Metadata): Namespace {
  return { kind: 'Namespace', meta, mesh: meshOf(meta.labels) };
}

const deploymentFields: ReadonlySet<string> = new Set([
  'minReadySeconds',
  'paused',
  'progressDeadlineSeconds',
  'replicas',
  'revisionHistoryLimit',
  'selector',
  'strategy',
  'template',
]);

/** apps/v1 Deployment: accepted; nothing runs its Pods here. */
export function parseDeployment(found: Findings, raw: Raw, meta: Metadata): Deployment | undefined {
  const spec = readRaw(found, raw, '', 'spec');
  if (spec === undefined) {
    found.error('WEFT0208', 'spec', 'a Deployment needs a spec');
    return undefined;
  }
  checkKnown(found, spec, 'spec', deploymentFields);
  const template = readRaw(found, spec, 'spec', 'template') ?? {};
  const metadata = readRaw(found, template, 'spec.template', 'metadata') ?? {};
  const podLabels = readLabels(found, metadata, 'spec.template.metadata', 'labels');
  const selector = readRaw(found, spec, 'spec', 'selector') ?? {};
  const wanted = readLabels(found, selector, 'spec.selector', 'matchLabels');
  for (const [key, value] of Object.entries(wanted)) {
    if (podLabels[key] === value) continue;
    const place = child('spec.selector.matchLabels', key);
    found.error('WEFT0212', place, `spec.template.metadata.labels does not have ${key}: ${value}`);
  }
  return { kind: 'Deployment', meta, podLabels };
}
