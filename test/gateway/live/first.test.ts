import type { Explanation } from '../../../agent/api/items.js';
import { backends, service } from '../../agent/objects.js';
import { eventually } from '../../agent/site.js';
import { kernelTest } from '../../kernel-test.js';
import { openStage } from './stage.js';

kernelTest('a pod’s request follows the rule of a VirtualService to a backend, which sees the pod', async (t) => {
  const { client, origin, site } = await openStage(t, [
    service('shop', { addresses: ['10.96.0.1'], ports: [{ name: 'http', port: 80, targetPort: 8080 }] }),
    ...backends('shop', ['10.1.0.1', '10.1.0.2']),
    {
      apiVersion: 'networking.istio.io/v1',
      kind: 'VirtualService',
      metadata: { name: 'shop', namespace: 'default' },
      spec: {
        hosts: ['shop'],
        http: [
          { match: [{ uri: { prefix: '/gone' } }], redirect: { uri: '/new' } },
          { match: [{ uri: { prefix: '/api' } }], rewrite: { uri: '/v1' }, route: [{ destination: { host: 'shop' } }] },
        ],
      },
    },
  ]);
  await origin.listen('10.1.0.1', 8080);
  await origin.listen('10.1.0.2', 8080);
  const answer = await client.ask({ address: '10.96.0.1', port: 80, path: '/api/x', headers: { host: 'shop' } });
  t.is(answer.status, 200, `${JSON.stringify(answer)} ${site.agent.log}`);
  t.log(answer);
  const gone = await client.ask({ address: '10.96.0.1', port: 80, path: '/gone', headers: { host: 'shop' } });
  t.is(gone.status, 301);
  t.is((await client.ask({ address: '10.96.0.1', port: 80, path: '/other' })).status, 404);
  const spread = await client.spread({ address: '10.96.0.1', port: 80, path: '/api/y' }, 200);
  t.deepEqual(Object.keys(spread).sort(), ['10.1.0.1:8080', '10.1.0.2:8080']);

  const question = ['explain', '--from', 'default/client', '--to', 'shop:80'];
  const routed = JSON.parse(
    (await site.agent.weft(...question, '--path', '/api/x', '-o', 'json')).stdout,
  ) as Explanation;
  t.is(routed.path, 'gateway');
  t.is(routed.rule, 'VirtualService default/shop http[1]');
  const shares = new Map(routed.candidates.map(({ backend, probability }) => [backend, probability]));
  t.deepEqual([...shares.keys()].sort(), ['default/shop-1', 'default/shop-2']);
  const sum = [...shares.values()].reduce((total, share) => total + share, 0);
  t.true(Math.abs(sum - 1) < 1e-9, 'the shares of an adaptive balancer follow what backends did');
  t.log((await site.agent.weft(...question, '--path', '/api/x')).stdout);
  t.log((await site.agent.weft(...question, '--path', '/gone')).stdout);
  t.log((await site.agent.weft(...question, '--path', '/nothing')).stdout);
  t.log((await site.agent.weft('get', 'routes', '-o', 'wide')).stdout);
  t.log((await site.agent.weft('status')).stdout);
  await eventually(
    async () => (await site.agent.weft('flows', '--status', '404', '-o', 'json')).stdout,
    (text) => text.includes('"path":"/other"'),
  );
  t.log(
    (await site.agent.weft('flows', '--rule', 'VirtualService default/shop')).stdout.split('\n').slice(0, 5).join('\n'),
  );
  await eventually(
    () => site.agent.scrape(),
    (text) => /istio_requests_total\{[^}]*response_code="404"[^}]*\} 1/.test(text),
  );
  const text = await site.agent.scrape();
  t.log(
    text
      .split('\n')
      .filter((line) => /^(istio_requests_total|weft_gateway|weft_path)/.test(line))
      .join('\n'),
  );
});
