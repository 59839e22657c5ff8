import type { Explanation } from '../../../agent/api/items.js';
import type { Manifest } from '../../agent/objects.js';
import { eventually } from '../../agent/site.js';
import { kernelTest } from '../../kernel-test.js';
import { openStage } from '../live/stage.js';

function entry(name: string, address: string, spec: Manifest): Manifest {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'ServiceEntry',
    metadata: { name, namespace: 'default' },
    spec: { hosts: [`${name}.example.com`], addresses: [address], ...spec },
  };
}

const http = [{ number: 80, name: 'http', protocol: 'HTTP', targetPort: 8080 }];

const rule = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: rule, namespace: default }
spec:
  hosts: [ruled.example.com, own-way.example.com]
  http:
  - match: [{ uri: { prefix: /old } }]
    rewrite: { uri: /new }
    route: [{ destination: { host: ruled.example.com } }]
  - match: [{ uri: { prefix: /straight } }]
    route: [{ destination: { host: own-way.example.com } }]
`;

kernelTest('addresses of ServiceEntries: by connection, by request, by name, and as they are', async (t) => {
  const { client, origin, show, site } = await openStage(
    t,
    [
      entry('plain', '240.0.0.1', {
        ports: [{ number: 5432, name: 'tcp', protocol: 'TCP', targetPort: 8080 }],
        resolution: 'STATIC',
        endpoints: [{ address: '10.1.0.1', weight: 3 }, { address: '10.1.0.2' }],
      }),
      entry('ruled', '240.0.0.2', { ports: http, resolution: 'STATIC', endpoints: [{ address: '10.1.0.1' }] }),
      entry('named', '240.0.0.3', { ports: http, resolution: 'DNS', endpoints: [{ address: 'localhost' }] }),
      entry('own-way', '10.1.0.3', { ports: http, resolution: 'NONE' }),
    ],
    { options: ['--workers', '1'] },
  );
  for (const address of ['10.1.0.1', '10.1.0.2', '127.0.0.1']) await origin.listen(address, 8080);
  await origin.listen('10.1.0.3', 80);

  const spread = await client.spread({ address: '240.0.0.1', port: 5432 }, 40);
  t.deepEqual(Object.keys(spread).sort(), ['10.1.0.1:8080', '10.1.0.2:8080']);

  await eventually(
    () => client.ask({ address: '240.0.0.3', port: 80, path: '/x' }),
    ({ status }) => status === 200,
  );
  const named = await client.ask({ address: '240.0.0.3', port: 80, path: '/x' });
  t.is((JSON.parse(named.body) as { backend: string }).backend, '127.0.0.1:8080');

  t.is((await client.ask({ address: '10.1.0.3', port: 80, path: '/any' })).status, 200, 'no rule: as it was');
  t.is((await client.ask({ address: '240.0.0.2', port: 80, path: '/any' })).status, 200, 'no rule: balanced');

  await show(rule);
  const ruled = await client.ask({ address: '240.0.0.2', port: 80, path: '/old/x' });
  t.is((JSON.parse(ruled.body) as { url: string }).url, '/new/x');
  t.is((await client.ask({ address: '240.0.0.2', port: 80, path: '/any' })).status, 404);
  const straight = await client.ask({ address: '10.1.0.3', port: 80, path: '/straight' });
  t.is((JSON.parse(straight.body) as { backend: string }).backend, '10.1.0.3:80');

  const question = ['explain', '--from', 'default/client', '--to', 'ruled.example.com', '--path', '/old/x'];
  const explained = JSON.parse((await site.agent.weft(...question, '-o', 'json')).stdout) as Explanation;
  t.is(explained.path, 'gateway');
  t.is(explained.rule, 'VirtualService default/rule http[0]');
  t.deepEqual(
    explained.candidates.map(({ address, probability }) => [address, probability]),
    [['10.1.0.1:8080', 1]],
  );
  const series =
    /istio_requests_total\{[^}]*destination_service="ruled.example.com"[^}]*grpc_response_status="unknown"/;
  await eventually(
    () => site.agent.scrape(),
    (text) => series.test(text),
  );
  const opened =
    /istio_tcp_connections_opened_total\{[^}]*destination_service="plain.example.com"[^}]*destination_service_name="plain.example.com"/;
  await eventually(
    () => site.agent.scrape(),
    (text) => opened.test(text),
  );
});
