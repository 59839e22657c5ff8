import test from 'ava';
import type { MeshObject } from '../../../agent/model/mesh.js';
import { objectsOf, rule, service, World } from './world.js';

const key = 'web.shop.svc.cluster.local:80';

/** The objects as an API server gave them, and the paths that the compiler then read. */
function compileOfApiServer(...manifests: readonly string[]): { readonly world: World; readonly read: string[] } {
  const read: string[] = [];
  const world = new World([service()], {
    readPem: (path) => {
      read.push(path);
      return { ok: true, text: path };
    },
  });
  const origin = { file: 'https://10.0.0.1:443/apis/networking.istio.io/v1/things', document: 0, item: -1 };
  const given = (object: MeshObject) => ({ ...object, meta: { ...object.meta, origin } }) as MeshObject;
  world.catalog.apply(objectsOf(...manifests).map((object) => ({ type: 'put', object: given(object) })));
  world.compiler.update({ services: new Set(['shop/web']), pods: new Set(), routing: true });
  return { world, read };
}

const why = 'cannot be read: an object of an API server names no files of the node: use a Secret (credentialName)';

for (const tls of [
  '{mode: MUTUAL, clientCertificate: /host/proc/1/root/kubelet.pem, privateKey: /host/proc/1/root/kubelet.pem}',
  '{mode: SIMPLE, caCertificates: /host/proc/1/root/kubelet.pem}',
]) {
  test(`a DestinationRule of an API server reads no file of the node, and nothing goes in clear instead: ${tls}`, (t) => {
    const { read, world } = compileOfApiServer(rule(`trafficPolicy: {tls: ${tls}}`));
    t.deepEqual(read, []);
    t.deepEqual(world.members(key), []);
    const [found, ...others] = world.findings();
    t.true(found?.endsWith(`: the file /host/proc/1/root/kubelet.pem ${why}`), found);
    t.deepEqual(others, []);
  });
}

test('a Gateway of an API server reads no file of the node, and does not serve', (t) => {
  const { read, world } = compileOfApiServer(`
kind: Gateway
metadata: {name: gate, namespace: shop}
spec:
  selector: {istio: ingressgateway}
  servers:
    - port: {number: 443, name: https, protocol: HTTPS}
      hosts: [a.example]
      tls: {mode: SIMPLE, serverCertificate: /etc/a.pem, privateKey: /etc/a.key}
`);
  t.deepEqual(read, []);
  t.deepEqual(world.compiler.snapshot.ingress, {});
  t.true(world.findings().some((each) => each.endsWith(`the file /etc/a.pem ${why}`)));
});

test('a DestinationRule of an API server trusts the authorities of the system by name', (t) => {
  const { world } = compileOfApiServer(rule('trafficPolicy: {tls: {mode: SIMPLE, caCertificates: system}}'));
  t.is(world.policy(key).tls?.authorities, '');
  t.deepEqual(world.findings(), []);
});
