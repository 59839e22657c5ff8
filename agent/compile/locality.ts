import type { Locality } from '../balance/cluster.js';
import type { Node } from '../model/mesh.js';

/** Nobody knows where. */
export const nowhere: Locality = { region: '', zone: '', subzone: '' };

export function localityOf(node: Node | undefined): Locality {
  return node === undefined ? nowhere : { region: node.region, zone: node.zone, subzone: node.subzone };
}

/** Of `REGION/ZONE/SUBZONE`, as ServiceEntry has it; what is omitted is empty. */
export function localityFrom(text: string | undefined): Locality {
  if (text === undefined || text === '') return nowhere;
  const [region = '', zone = '', subzone = ''] = text.split('/');
  return { region, zone, subzone };
}

/**
 * The labels that Istio adds to those of a Pod or endpoint by where it runs (pkg/config/labels, AugmentLabels): failoverPriority may
 * name them. The Pod's own labels win.
 */
export function topologyLabels(node: string, locality: Locality): Readonly<Record<string, string>> {
  const labels: Record<string, string> = {};
  if (locality.region !== '') labels['topology.kubernetes.io/region'] = locality.region;
  if (locality.zone !== '') labels['topology.kubernetes.io/zone'] = locality.zone;
  if (locality.subzone !== '') labels['topology.istio.io/subzone'] = locality.subzone;
  if (node !== '') labels['kubernetes.io/hostname'] = node;
  return labels;
}
