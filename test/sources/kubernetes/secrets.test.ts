import test from 'ava';
import { ApiError } from '../../../agent/kubernetes/api.js';
import { Cluster, installAll, paths } from './cluster.js';
import type { ApiObject } from './model-api.js';

async function running(prepare: (cluster: Cluster) => void): Promise<Cluster> {
  const cluster = new Cluster();
  installAll(cluster.api);
  prepare(cluster);
  await cluster.start();
  return cluster;
}

/** An Istio Gateway `shop/NAME`. */
function gateway(name: string, credentialName: string, labels: unknown = {}, mode = 'SIMPLE'): ApiObject {
  const port = { number: 443, name: 'https', protocol: 'HTTPS' };
  const servers = [{ port, hosts: ['*'], tls: { mode, credentialName } }];
  return { metadata: { name, namespace: 'shop' }, spec: { selector: labels, servers } };
}

function kubernetesGateway(name: string, gatewayClassName: string, ...secrets: readonly string[]): ApiObject {
  const listeners = secrets.map((secret, index) => ({
    ...{ name: `l${index}`, port: 443, protocol: 'HTTPS', hostname: `${secret}.example` },
    tls: { certificateRefs: [{ name: secret }] },
  }));
  return { metadata: { name, namespace: 'shop' }, spec: { gatewayClassName, listeners } };
}

function gatewayClass(name: string, controllerName: string): ApiObject {
  return { metadata: { name }, spec: { controllerName } };
}

const pem = (label: string) => btoa(`-----BEGIN ${label}-----\nAAAA\n-----END ${label}-----\n`);

function secret(name: string, namespace = 'shop'): ApiObject {
  const data = { 'tls.crt': pem('CERTIFICATE'), 'tls.key': pem('PRIVATE KEY') };
  return { metadata: { name, namespace }, type: 'kubernetes.io/tls', data };
}

/** NS/NAME of the Secrets that were ever asked for, sorted. */
function asked({ api }: Cluster): readonly string[] {
  const found = api.requests.flatMap(({ path, query }) => {
    const [, namespace] = /namespaces\/([^/]+)\/secrets$/.exec(path) ?? [];
    return namespace === undefined ? [] : [`${namespace}/${query?.fieldSelector?.replace('metadata.name=', '')}`];
  });
  return [...new Set(found)].sort();
}

test('Secrets are asked for by name, while a Gateway names them', async (t) => {
  const cluster = await running(({ api }) => {
    api.put(paths.gateways, gateway('edge', 'named'));
    for (const name of ['named', 'another', 'unnamed']) api.put(paths.secrets, secret(name));
  });
  t.true(cluster.hasSynced);
  t.deepEqual(cluster.effect.keys('Secret'), ['Secret shop/named']);
  cluster.api.put(paths.gateways, gateway('edge', 'another'));
  await cluster.settle();
  t.deepEqual(cluster.effect.keys('Secret'), ['Secret shop/another']);
  cluster.api.delete(paths.secrets, 'shop/another');
  await cluster.settle();
  t.deepEqual(cluster.effect.keys('Secret'), []);
  t.is(cluster.api.watches(paths.secrets), 2);
  cluster.api.delete(paths.gateways, 'shop/edge');
  await cluster.settle();
  t.is(cluster.api.watches(paths.secrets), 0);
  t.deepEqual(asked(cluster), ['istio-system/another', 'istio-system/named', 'shop/another', 'shop/named']);
  cluster.stop();
});

test('Secrets of Gateways that are somebody else’s are not asked for, until they are ours', async (t) => {
  const cluster = await running(({ api }) => {
    api.put(paths.gateways, gateway('east-west', 'theirs', { istio: 'eastwestgateway' }));
    api.put(paths.kubernetesGateways, kubernetesGateway('nginx', 'nginx', 'nginx-tls'));
    api.put(paths.kubernetesGateways, kubernetesGateway('weft', 'weft', 'weft-tls'));
    api.put(paths.classes, gatewayClass('nginx', 'nginx.org/controller'));
    for (const name of ['theirs', 'nginx-tls', 'weft-tls']) api.put(paths.secrets, secret(name));
  });
  t.deepEqual(asked(cluster), []);
  cluster.api.put(paths.classes, gatewayClass('weft', 'weft.dev/gateway'));
  await cluster.settle();
  t.deepEqual(cluster.effect.keys('Secret'), ['Secret shop/weft-tls']);
  t.deepEqual(asked(cluster), ['shop/weft-tls']);
  cluster.api.delete(paths.classes, '/weft');
  await cluster.settle();
  t.deepEqual(cluster.effect.keys('Secret'), []);
  cluster.stop();
});

test('where Istio looks too is looked at, and a refusal there is nothing to tell', async (t) => {
  const rule: ApiObject = {
    metadata: { name: 'out', namespace: 'shop' },
    spec: { host: 'out', trafficPolicy: { tls: { mode: 'SIMPLE', credentialName: 'out' } } },
  };
  const refused = new Set(['istio-system/edge-cacert', 'shop/edge-cacert', 'shop/out-cacert', 'istio-system/edge']);
  const cluster = await running(({ api }) => {
    api.put(paths.gateways, gateway('edge', 'edge', {}, 'MUTUAL'));
    api.put(paths.destinationRules, rule);
    api.put(paths.secrets, secret('edge', 'istio-system'));
    api.intercept = ({ path, query }) => {
      const [, namespace] = /namespaces\/([^/]+)\/secrets$/.exec(path) ?? [];
      const key = `${namespace}/${query?.fieldSelector?.replace('metadata.name=', '')}`;
      return refused.has(key) ? new ApiError('secrets is forbidden', 403, 'Forbidden') : undefined;
    };
  });
  t.true(cluster.hasSynced);
  t.deepEqual(asked(cluster), [...refused, 'shop/edge', 'shop/out'].sort());
  t.is(cluster.state('secrets').trouble, '');
  t.deepEqual(cluster.shown(), []);
  refused.clear();
  await cluster.pass(35_000);
  t.deepEqual(cluster.effect.keys('Secret'), ['Secret istio-system/edge']);
  refused.add('shop/edge');
  cluster.api.cut();
  await cluster.pass(2_000);
  t.regex(cluster.state('secrets').trouble, /may not watch secrets/);
  cluster.stop();
});

test('too many Secrets: those that are watched stay, whoever names more', async (t) => {
  const many = (prefix: string, count: number) => Array.from({ length: count }, (_, index) => `${prefix}${index}`);
  const cluster = await running(({ api }) => {
    api.put(paths.classes, gatewayClass('weft', 'weft.dev/gateway'));
    api.put(paths.kubernetesGateways, kubernetesGateway('old', 'weft', 'zzz'));
    api.put(paths.secrets, secret('zzz'));
  });
  t.deepEqual(cluster.effect.keys('Secret'), ['Secret shop/zzz']);
  for (let each = 0; each < 10; each++)
    cluster.api.put(paths.kubernetesGateways, kubernetesGateway(`g${each}`, 'weft', ...many(`a${each}-`, 60)));
  await cluster.settle();
  t.deepEqual(cluster.effect.removed, []);
  t.is(cluster.api.watches(paths.secrets), 500);
  t.true(cluster.logged.includes('too many Secrets are named'));
  cluster.stop();
});
