import { setTimeout as pause } from 'node:timers/promises';
import type { Manifest } from '../../agent/objects.js';
import { backends, service } from '../../agent/objects.js';
import { eventually } from '../../agent/site.js';
import { kernelTest } from '../../kernel-test.js';
import { openStage } from './stage.js';

function rules(name: string, header: string): Manifest {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name, namespace: 'default' },
    spec: {
      hosts: [name],
      http: [{ headers: { response: { set: { 'x-rule': header } } }, route: [{ destination: { host: name } }] }],
    },
  };
}

/** Requests that changes are to meet, however long that takes. */
const enough = 300;

kernelTest('rules come, change and go under load, and no request fails', async (t) => {
  t.timeout(300_000);
  const ports = [{ name: 'http', port: 80, targetPort: 8080 }];
  const { client, origin, site } = await openStage(t, [
    service('shop', { addresses: ['10.96.0.1'], ports }),
    service('cart', { addresses: ['10.96.0.2'], ports }),
    ...backends('shop', ['10.1.0.1', '10.1.0.2']),
    ...backends('cart', ['10.1.0.3']),
    rules('cart', 'always'),
  ]);
  for (const address of ['10.1.0.1', '10.1.0.2', '10.1.0.3']) await origin.listen(address, 8080);
  await client.load({ address: '10.96.0.1', port: 80, connections: 8, rate: 400, fresh: true });
  const inEffect = async (): Promise<string | undefined> =>
    (await client.ask({ address: '10.96.0.1', port: 80 })).headers['x-rule'];
  for (let turn = 0; turn < 12 || (await client.progress()) < enough; turn++) {
    site.write('rules', [rules('shop', String(turn))]);
    await eventually(inEffect, (rule) => rule === String(turn));
    if (turn % 3 !== 2) continue;
    site.write('rules', []);
    await eventually(inEffect, (rule) => rule === undefined);
    await pause(100);
  }
  const result = await client.stop();
  t.log(result);
  t.is(result.failed, 0, JSON.stringify(result.failures));
});

kernelTest('a kept connection to a Service whose rules go is served until it ends', async (t) => {
  t.timeout(300_000);
  const { client, origin, site } = await openStage(t, [
    service('shop', { addresses: ['10.96.0.1'], ports: [{ name: 'http', port: 80, targetPort: 8080 }] }),
    ...backends('shop', ['10.1.0.1']),
    rules('shop', 'first'),
  ]);
  await origin.listen('10.1.0.1', 8080);
  await client.load({ address: '10.96.0.1', port: 80, connections: 4, rate: 200 });
  await pause(500);
  for (let turn = 0; turn < 5 || (await client.progress()) < enough; turn++) {
    site.write('mesh', [
      service('shop', { addresses: ['10.96.0.1'], ports: [{ name: 'http', port: 80, targetPort: 8080 }] }),
      ...backends('shop', ['10.1.0.1']),
      ...(turn % 2 === 0 ? [] : [rules('shop', String(turn))]),
    ]);
    await pause(600);
  }
  const result = await client.stop();
  t.log(result, (await site.agent.weft('flows', '--status', '404', '-o', 'json')).stdout);
  t.is(result.failed, 0, JSON.stringify(result.failures));
  t.is(result.reopened, 0, 'the gateway says that it closes');
});
