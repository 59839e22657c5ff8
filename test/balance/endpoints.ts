import type { ClusterEndpoint, Locality } from '../../agent/balance/cluster.js';
import { Member } from '../../agent/balance/member.js';
import type { Random } from '../../agent/balance/picker.js';
import { workloadOfLabels } from '../../agent/compile/workload.js';

/** Park and Miller's minimal standard generator: the same draws for the same seed. */
export function seeded(seed: number): Random {
  let state = (seed % 2147483646) + 1;
  return () => {
    state = (state * 48271) % 2147483647;
    return (state - 1) / 2147483646;
  };
}

const nowhere: Locality = { region: '', zone: '', subzone: '' };

export function endpoint(index: number, fields: Partial<ClusterEndpoint> = {}): ClusterEndpoint {
  return {
    name: `shop/web-${index}`,
    address: `10.0.${index >> 8}.${index & 255}`,
    port: 8080,
    weight: 1,
    state: 'ready',
    locality: nowhere,
    node: '',
    labels: {},
    workload: workloadOfLabels('web', 'shop', { app: 'web', version: 'v1' }),
    ...fields,
  };
}

export function locality(region: string, zone = '', subzone = ''): Locality {
  return { region, zone, subzone };
}

/** Members with these weights, as a balancer would hand them to a picker. */
export function members(weights: readonly number[]): Member[] {
  return weights.map((weight, index) => {
    const member = new Member(endpoint(index + 1, { weight }), undefined);
    member.weight = weight;
    return member;
  });
}
