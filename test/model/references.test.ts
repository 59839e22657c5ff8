import test from 'ava';
import { Catalog } from '../../agent/model/catalog.js';
import { parseObject } from '../../agent/model/parse.js';
import { checkReferences } from '../../agent/model/references.js';
import { origin, type Raw, rawPod, rawRule, rawService, rawSlice } from './objects.js';

/** `CODE KIND NAME path` of what is wrong between the objects, sorted. */
function between(...raws: readonly Raw[]): string[] {
  const catalog = new Catalog();
  for (const raw of raws) {
    const { object, findings } = parseObject(raw, origin);
    if (object === undefined) throw new Error(JSON.stringify(findings));
    catalog.apply([{ type: 'put', object }]);
  }
  return checkReferences(catalog, true)
    .map(({ code, object, path }) => `${code} ${object.kind} ${object.meta.name} ${path}`)
    .sort();
}

const web = rawService({ selector: { app: 'web' } });
const pod = rawPod('p', { app: 'web' }, { podIP: '10.1.0.1' });

function named(raw: Raw, name: string): Raw {
  return { ...raw, metadata: { ...(raw.metadata as Raw), name } };
}

function route(spec: Raw, name = 'v'): Raw {
  return { apiVersion: 'networking.istio.io/v1', kind: 'VirtualService', metadata: { name }, spec };
}

const deployment: Raw = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'd' },
  spec: { template: { metadata: { labels: { app: 'web' } } } },
};

const cases: readonly (readonly [string, readonly Raw[], readonly string[]])[] = [
  ['a Service and its Pod', [web, pod], []],
  ['a Service that selects nothing', [web], ['WEFT0403 Service web spec.selector']],
  ['a Service without selector or slices', [rawService({})], ['WEFT0403 Service web spec']],
  ['a Service with a slice', [rawService({}), rawSlice({})], []],
  ['a headless Service', [rawService({ clusterIP: 'None', selector: { app: 'x' } })], []],
  [
    'a container port that nobody has',
    [rawService({ selector: { app: 'web' }, ports: [{ port: 80, targetPort: 'http' }] }), pod],
    ['WEFT0404 Service web spec.ports[0].targetPort'],
  ],
  [
    'a slice of no Service',
    [rawSlice({})],
    ['WEFT0406 EndpointSlice web-a metadata.labels["kubernetes.io/service-name"]'],
  ],
  [
    'a slice without the label',
    [{ ...rawSlice({}), metadata: { name: 's' } }],
    ['WEFT0406 EndpointSlice s metadata.labels'],
  ],
  ['a rule of no Service', [rawRule({})], ['WEFT0401 DestinationRule web spec.host']],
  ['a rule of everything', [rawRule({ host: '*' })], []],
  [
    'a rule for a port that is not there',
    [web, pod, rawRule({ trafficPolicy: { portLevelSettings: [{ port: { number: 81 } }] } })],
    ['WEFT0407 DestinationRule web spec.trafficPolicy.portLevelSettings'],
  ],
  [
    'two rules of one host',
    [web, pod, rawRule({}), named(rawRule({ host: 'web.default' }), 'xyz')],
    ['WEFT0502 DestinationRule xyz spec.host'],
  ],
  ['two Services of one address and port', [web, pod, named(web, 'abc')], ['WEFT0503 Service web spec.clusterIP']],
  [
    'two Services of one address and different ports',
    [web, pod, named(rawService({ ports: [{ port: 81 }], selector: { app: 'web' } }), 'abc')],
    [],
  ],
  ['two Pods of one address', [web, pod, named(pod, 'q')], ['WEFT0504 Pod q status.podIP']],
  [
    'two Pods of one network namespace',
    ['p', 'q'].map((name) => rawPod(name, {}, {}, { annotations: { 'weft.dev/netns': 'n' } })),
    ['WEFT0505 Pod q metadata.annotations["weft.dev/netns"]'],
  ],
  ['a Deployment of a Service', [web, pod, deployment], []],
  ['a Deployment of no Service', [deployment], ['WEFT0405 Deployment d spec.template.metadata.labels']],
  [
    'routes to nowhere',
    [route({ hosts: ['web'], gateways: ['g'], http: [{ route: [{ destination: { host: 'nil' } }] }] })],
    ['WEFT0401 VirtualService v spec.http[0].route[0].destination.host', 'WEFT0402 VirtualService v spec.gateways[0]'],
  ],
  [
    'a route to a ServiceEntry',
    [
      route({
        hosts: ['x'],
        http: [{ route: [{ destination: { host: 'example.com' } }, { destination: { host: 'a.example.com' } }] }],
      }),
      {
        apiVersion: 'networking.istio.io/v1',
        kind: 'ServiceEntry',
        metadata: { name: 'e' },
        spec: { hosts: ['example.com', '*.example.com'] },
      },
    ],
    [],
  ],
  [
    'two routes of one host',
    [route({ hosts: ['web'] }), route({ hosts: ['web.default'] }, 'w')],
    ['WEFT0506 VirtualService w spec.hosts[0]'],
  ],
];

for (const [title, raws, expected] of cases) {
  test(`References: ${title}`, (t) => {
    t.deepEqual(between(...raws), expected);
  });
}
