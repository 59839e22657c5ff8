import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Explanation } from '../../../agent/api/items.js';
import { service } from '../../agent/objects.js';
import { eventually } from '../../agent/site.js';
import { makeDirectory } from '../../kernel/scratch.js';
import { kernelTest } from '../../kernel-test.js';
import { Authority } from '../listener/certificates.js';
import {
  authority,
  serverCertificate as certificate,
  clientCertificate,
  clientKey,
  serverKey as key,
} from '../upstream/certificates.js';
import type { Echo } from './origin.js';
import { destinationRule, openShop, shopPod, shopServices, toShop, virtualService } from './shop.js';

function filesOf(texts: Readonly<Record<string, string>>): string {
  const directory = makeDirectory();
  for (const [name, text] of Object.entries(texts)) writeFileSync(join(directory, name), text, { mode: 0o600 });
  return directory;
}

kernelTest('tls of a DestinationRule: SIMPLE and MUTUAL, and what does not hold is refused', async (t) => {
  const { client, origin, show } = await openShop(t, 1);
  const other = new Authority();
  const files = filesOf({
    'ca.crt': authority,
    'other.crt': other.certificate,
    'client.crt': clientCertificate,
    'client.key': clientKey,
  });
  other.remove();
  await origin.close('10.1.0.1', 8080);
  await origin.listen('10.1.0.1', 8080, 'https', { certificate, key });
  const asked = async (tls: string): Promise<Echo | number> => {
    await show(destinationRule(`trafficPolicy: { tls: { ${tls} } }`));
    const answer = await client.ask(toShop);
    return answer.status === 200 ? (JSON.parse(answer.body) as Echo) : answer.status;
  };
  const simple = (await asked(`mode: SIMPLE, caCertificates: ${files}/ca.crt, sni: web.shop`)) as Echo;
  t.is(simple.serverName, 'web.shop');
  t.is(await asked(`mode: SIMPLE, caCertificates: ${files}/other.crt, sni: web.shop`), 503, 'another authority');
  const named = `caCertificates: ${files}/ca.crt, sni: web.shop, subjectAltNames`;
  t.is(await asked(`mode: SIMPLE, ${named}: [somebody.else]`), 503, 'another name');
  t.is(typeof (await asked(`mode: SIMPLE, ${named}: [web.shop]`)), 'object');
  t.is(await asked('mode: DISABLE'), 503, 'plain HTTP to a TLS port');

  await origin.close('10.1.0.1', 8080);
  await origin.listen('10.1.0.1', 8080, 'https', { certificate, key, authority });
  t.is(await asked(`mode: SIMPLE, caCertificates: ${files}/ca.crt, sni: web.shop`), 503, 'no client certificate');
  const own = `clientCertificate: ${files}/client.crt, privateKey: ${files}/client.key`;
  const mutual = (await asked(`mode: MUTUAL, caCertificates: ${files}/ca.crt, sni: web.shop, ${own}`)) as Echo;
  t.is(mutual.clientCertificate, 'client');
});

const secure = service('secure', {
  addresses: ['10.96.0.2'],
  spec: { selector: { app: 'shop' } },
  ports: [{ name: 'tls', port: 443, targetPort: 8443 }],
});
const sql = service('sql', {
  addresses: ['10.96.0.3'],
  spec: { selector: { app: 'shop' } },
  ports: [{ name: 'tcp', port: 5432, targetPort: 5432 }],
});

kernelTest('tls and tcp routes of the mesh: by server name, and by weight', async (t) => {
  const { client, origin, show, site } = await openShop(t, 2);
  site.write('mesh', [...shopServices(), shopPod(1), shopPod(2), secure, sql]);
  for (const number of [1, 2]) {
    await origin.listen(`10.1.0.${number}`, 8443, 'https', { certificate, key });
    await origin.listen(`10.1.0.${number}`, 5432, 'tcp');
  }
  const subsets = (host: string): string => `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: ${host}, namespace: default }
spec: { host: ${host}, subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }] }
---
`;
  await show(`${subsets('secure')}${subsets('sql')}apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: secure, namespace: default }
spec:
  hosts: [secure, one.example, "*.two.example"]
  tls:
  - match: [{ port: 443, sniHosts: [one.example] }]
    route: [{ destination: { host: secure, subset: v1 } }]
  - match: [{ port: 443, sniHosts: ["*.two.example"] }]
    route: [{ destination: { host: secure, subset: v2 } }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: sql, namespace: default }
spec:
  hosts: [sql]
  tcp:
  - match: [{ sourceLabels: { app: nobody } }]
    route: [{ destination: { host: sql, subset: v1 } }]
  - route: [{ destination: { host: sql, subset: v2 } }]
`);
  const named = async (tls: string): Promise<string> => {
    const answer = await client.ask({ address: '10.96.0.2', port: 443, tls });
    return answer.status === 200 ? `${answer.certificate} ${(JSON.parse(answer.body) as Echo).backend}` : answer.error;
  };
  for (const to of ['secure:443', 'sql:5432']) {
    await eventually(
      () => site.agent.call<Explanation>('POST', '/v1/explain', { from: 'default/client', to }),
      ({ path }) => path === 'gateway',
    );
  }
  for (let round = 0; round < 4; round++) {
    t.is(await named('one.example'), 'web 10.1.0.1:8443');
    t.is(await named('a.two.example'), 'web 10.1.0.2:8443');
    t.is(await client.raw('10.96.0.3', 5432, 'select', /select/), '10.1.0.2:5432\nselect');
  }
});

function entry(spec: string): string {
  return `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: api, namespace: default }
spec:
  hosts: [api.example.com]
  ports: [{ number: 80, name: http, protocol: HTTP }]
${spec.replace(/^/gm, '  ')}
---
${virtualService('- route: [{ destination: { host: api.example.com, port: { number: 80 } } }]')}`;
}

kernelTest('ServiceEntry: STATIC endpoints with weights, and DNS names', async (t) => {
  const { client, origin, show } = await openShop(t, 1);
  await origin.listen('10.1.3.1', 80);
  await origin.listen('10.1.3.2', 8081);
  const roundRobin = `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: api, namespace: default }
spec: { host: api.example.com, trafficPolicy: { loadBalancer: { simple: ROUND_ROBIN } } }
`;
  const two = `resolution: STATIC
endpoints: [{ address: 10.1.3.1, weight: 3 }, { address: 10.1.3.2, weight: 1, ports: { http: 8081 } }]`;
  await show(`${entry(two)}---\n${roundRobin}`);
  t.deepEqual(await client.spread(toShop, 40), { '10.1.3.1:80': 30, '10.1.3.2:8081': 10 });
  await origin.listen('127.0.0.1', 8082);
  await show(entry('resolution: DNS\nendpoints: [{ address: localhost, ports: { http: 8082 } }]'));
  await eventually(
    () => client.spread(toShop, 4),
    (counts) => counts['127.0.0.1:8082'] === 4,
  );
  await show(entry('resolution: DNS\nendpoints: [{ address: nobody.invalid }]'));
  t.is((await client.ask(toShop)).status, 503);
});
