import type { ExecutionContext } from 'ava';
import { ChartError, type Json, renderChart, type Values } from '../../deploy/render/chart.js';
import { chartTest } from './chart-test.js';

/** NetworkPolicyPort of networking.k8s.io/v1: without `port` all ports of the protocol, with `endPort` those from one to the other. */
interface PolicyPort {
  readonly protocol?: string;
  readonly port?: number;
  readonly endPort?: number;
}

interface IngressRule {
  readonly from?: readonly unknown[];
  readonly ports?: readonly PolicyPort[];
}

const monitoring = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } };

/** Of the policy that the chart gives with these values. */
function rulesWith(networkPolicy: Values, metricsPort = 15090): readonly IngressRule[] {
  const { objects } = renderChart({ agent: { metricsPort }, networkPolicy: { enabled: true, ...networkPolicy } });
  const policy = objects.find(({ kind }) => kind === 'NetworkPolicy')!;
  const { policyTypes, ingress } = policy.spec as { policyTypes: readonly string[]; ingress: readonly IngressRule[] };
  if (policyTypes.join() !== 'Ingress') throw new Error(`the policy is of ${policyTypes.join()}, not of ingress alone`);
  return ingress;
}

function covers({ protocol = 'TCP', port, endPort = port }: PolicyPort, asked: string, number: number): boolean {
  return protocol === asked && (port === undefined || (port <= number && number <= endPort!));
}

/** Who may reach a port of a node whose network plug-in applies policies to Pods in the node's network: peers, or everybody. */
function peersOf(rules: readonly IngressRule[], protocol: string, number: number): readonly unknown[] | 'everybody' {
  const of = rules.filter(({ ports }) => ports?.some((each) => covers(each, protocol, number)) ?? true);
  return of.some(({ from = [] }) => from.length === 0) ? 'everybody' : of.flatMap(({ from = [] }) => from);
}

function everybodyReaches(t: ExecutionContext, rules: readonly IngressRule[], ports: Iterable<number>): void {
  const closed = [...ports].filter((port) => peersOf(rules, 'TCP', port) !== 'everybody');
  t.deepEqual(closed, []);
}

function* tcpPortsBut(metricsPort: number): Generator<number> {
  for (let port = 1; port <= 65535; port++) if (port !== metricsPort) yield port;
}

for (const metricsPort of [15090, 1, 2, 65534, 65535]) {
  chartTest(`the network policy denies the metrics port ${metricsPort} alone: Gateways’ ports stay open`, (t) => {
    const rules = rulesWith({ from: [monitoring] }, metricsPort);
    t.deepEqual(peersOf(rules, 'TCP', metricsPort), [monitoring]);
    everybodyReaches(t, rules, tcpPortsBut(metricsPort));
    for (const port of [1, 53, metricsPort, 65535]) t.is(peersOf(rules, 'UDP', port), 'everybody', `UDP ${port}`);
    // What the API server's validation asks of each port.
    for (const { port, endPort } of rules.flatMap(({ ports = [] }) => ports)) {
      if (endPort === undefined) continue;
      t.true(port! >= 1 && port! <= endPort && endPort <= 65535, `${port}-${endPort}`);
    }
  });
}

chartTest('a network policy without peers denies nothing', (t) => {
  everybodyReaches(t, rulesWith({}), [...tcpPortsBut(15090), 15090]);
});

chartTest('a network policy with other ports leaves those open, and no more', (t) => {
  const otherPorts: Json = [{ port: 443 }, { port: 30000, endPort: 32767 }, { protocol: 'UDP', port: 15090 }];
  const rules = rulesWith({ from: [monitoring], otherPorts });
  everybodyReaches(t, rules, [443, 30000, 31000, 32767]);
  t.is(peersOf(rules, 'UDP', 15090), 'everybody');
  t.deepEqual(peersOf(rules, 'TCP', 15090), [monitoring]);
  for (const port of [80, 442, 444, 29999, 32768]) t.deepEqual(peersOf(rules, 'TCP', port), [], `TCP ${port}`);
});

const opening: readonly Values[] = [{ port: 15090 }, { protocol: 'TCP', port: 15000, endPort: 15100 }];
for (const open of opening) {
  chartTest(`other ports that open the metrics port to everybody are refused: ${JSON.stringify(open)}`, (t) => {
    t.throws(() => rulesWith({ from: [monitoring], otherPorts: [{ port: 80 }, open] }), {
      instanceOf: ChartError,
      message: /networkPolicy\.otherPorts.* metrics port 15090/,
    });
  });
}

chartTest('the notes say that most network plug-ins do not protect the metrics port', (t) => {
  const { notes } = renderChart({ agent: { metricsPort: 9999 }, networkPolicy: { enabled: true } });
  t.regex(notes, /NetworkPolic.*port 9999/s);
  t.notRegex(renderChart().notes, /NetworkPolic/);
});
