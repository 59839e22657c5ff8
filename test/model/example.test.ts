import { readFileSync } from 'node:fs';
import test from 'ava';
import { Catalog } from '../../agent/model/catalog.js';
import { checkReferences } from '../../agent/model/references.js';
import { readManifest } from '../../agent/sources/manifest.js';

test('the demo’s Deployments and rules are read whole; without a Gateway only that one is missed', async (t) => {
  const catalog = new Catalog();
  for (const file of ['services.yaml', 'deployments.yaml', 'routing.yaml']) {
    const { objects, problems } = await readManifest(file, readFileSync(`deploy/demo/${file}`, 'utf8'));
    t.deepEqual(problems, []);
    catalog.apply(objects.map((object) => ({ type: 'put', object })));
  }
  const found = checkReferences(catalog, { gatewayLabels: {}, directoryMode: false }).map(
    ({ code, object, path }) => `${code} ${object.kind} ${object.meta.name} ${path}`,
  );
  t.deepEqual(found, ['WEFT0402 VirtualService user-service spec.gateways[0]']);
  const [route] = [...catalog.virtualServices()];
  t.deepEqual(route!.gateways, ['default/user-service-gateway']);
  t.deepEqual(
    route!.http.map(({ match, route: to }) => [match[0]!.uri, to[0]!.destination, to[0]!.weight]),
    [
      [{ type: 'prefix', value: '/user' }, { host: 'user-service', subset: undefined, port: 8080 }, 1],
      [{ type: 'prefix', value: '/order' }, { host: 'order-service', subset: undefined, port: 8080 }, 1],
    ],
  );
  t.deepEqual(
    [...catalog.destinationRules()].map(({ trafficPolicy }) => trafficPolicy?.loadBalancer?.simple),
    ['ROUND_ROBIN', 'ROUND_ROBIN'],
  );
});
