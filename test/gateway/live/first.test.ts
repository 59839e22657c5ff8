import { backends, service } from '../../agent/objects.js';
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
  t.log(await client.spread({ address: '10.96.0.1', port: 80, path: '/api/y' }, 200));
});
