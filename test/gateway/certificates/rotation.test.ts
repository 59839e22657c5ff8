import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { backends, service } from '../../agent/objects.js';
import { eventually } from '../../agent/site.js';
import { makeDirectory } from '../../kernel/scratch.js';
import { kernelTest } from '../../kernel-test.js';
import { Authority } from '../listener/certificates.js';
import { openEdge } from '../live/edge.js';
import { destinationRule, openShop, toShop } from '../live/shop.js';
import {
  authority,
  serverCertificate as certificate,
  clientCertificate,
  clientKey,
  serverKey as key,
} from '../upstream/certificates.js';

const signer = new Authority();
const next = signer.sign('DNS:shop.example');
test.after.always(() => signer.remove());

function edge(files: string): string {
  return `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge, namespace: default }
spec:
  selector: { istio: ingressgateway }
  servers:
  - { port: { number: 443, name: https, protocol: HTTPS }, hosts: ["*"], tls: { mode: SIMPLE, serverCertificate: ${files}/tls.crt, privateKey: ${files}/tls.key } }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: edge, namespace: default }
spec: { hosts: ["*"], gateways: [edge], http: [{ route: [{ destination: { host: shop } }] }] }
`;
}

kernelTest('a Gateway’s certificate is exchanged under its connections', async (t) => {
  const files = makeDirectory();
  const write = (name: string, text: string): void => writeFileSync(join(files, name), text, { mode: 0o600 });
  write('tls.crt', certificate);
  write('tls.key', key);
  const manifests = [
    service('shop', { addresses: ['10.96.0.1'], ports: [{ name: 'http', port: 80, targetPort: 8080 }] }),
    ...backends('shop', ['10.1.0.1']),
  ];
  const { outside, origin } = await openEdge(t, manifests, edge(files));
  await origin.listen('10.1.0.1', 8080);
  const plan = { address: '127.0.0.1', port: 443, tls: 'shop.example' };
  await eventually(
    async () => (await outside.ask(plan)).status,
    (status) => status === 200,
  );
  const first = await outside.ask(plan);
  t.not(first.certificate, 'leaf');

  await origin.taken('10.1.0.1', 8080);
  await origin.behave('10.1.0.1', 8080, { delayMs: 6000, times: 1 });
  const slow = outside.ask(plan);
  await eventually(
    () => origin.taken('10.1.0.1', 8080),
    (taken) => taken.length > 0,
  );
  write('tls.crt', next.certificate);
  write('tls.key', next.key);
  const answers = new Set<number>();
  await eventually(
    async () => {
      const answer = await outside.ask(plan);
      answers.add(answer.status);
      return answer;
    },
    (answer) => answer.certificate === 'leaf',
  );
  t.deepEqual([...answers], [200], 'no handshake fails meanwhile');
  const answered = await slow;
  t.is(answered.status, 200, answered.error);
  t.is(answered.certificate, first.certificate);
});

kernelTest('a DestinationRule’s client certificate that comes later is used then', async (t) => {
  const files = makeDirectory();
  const write = (name: string, text: string): void => writeFileSync(join(files, name), text, { mode: 0o600 });
  write('ca.crt', authority);
  const { client, origin, show, site } = await openShop(t, 1);
  await origin.close('10.1.0.1', 8080);
  await origin.listen('10.1.0.1', 8080, 'https', { certificate, key, authority });
  const own = `clientCertificate: ${files}/client.crt, privateKey: ${files}/client.key`;
  const tls = `mode: MUTUAL, caCertificates: ${files}/ca.crt, sni: web.shop, ${own}`;
  await show(destinationRule(`trafficPolicy: { tls: { ${tls} } }`));
  t.is((await client.ask(toShop)).status, 503);
  const problems = (): Promise<string> => site.agent.text('/v1/problems');
  t.regex(await problems(), /WEFT0408/);

  write('client.crt', clientCertificate);
  write('client.key', clientKey);
  await eventually(
    async () => (await client.ask(toShop)).status,
    (status) => status === 200,
  );
  const answer = await client.ask(toShop);
  t.is((JSON.parse(answer.body) as { clientCertificate: string }).clientCertificate, 'client');
  t.notRegex(await problems(), /WEFT0408/);
});
