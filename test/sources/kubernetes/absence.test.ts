import test from 'ava';
import { Cluster, installAll, paths, virtualService } from './cluster.js';

test('a CRD that answers 404 while its objects are kept is told of in words that stay true', async (t) => {
  const cluster = new Cluster();
  installAll(cluster.api);
  cluster.api.put(paths.virtualServices, virtualService('shop'));
  await cluster.start();
  for (const version of ['v1', 'v1beta1', 'v1alpha3']) {
    cluster.api.missing.add(paths.virtualServices.replace('/v1/', `/${version}/`));
  }
  cluster.api.end(paths.virtualServices);
  await cluster.pass(25_000, 1_000);
  t.deepEqual(cluster.effect.keys('VirtualService'), ['VirtualService shop/shop']);
  t.is(
    cluster.state('virtualservices.networking.istio.io').trouble,
    'the API server answers 404: what was there counts as removed once that lasts 30 s',
  );
  cluster.stop();
});
