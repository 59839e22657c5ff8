import { closeSync } from 'node:fs';
import { systemClock } from '../../../agent/clock.js';
import type { TcpResult } from '../../../agent/gateway/upstream/attempt.js';
import { UpstreamPools } from '../../../agent/gateway/upstream/pools.js';
import { PodSockets } from '../../../agent/gateway/upstream/sockets.js';
import { startBroker } from '../../../agent/kernel/broker.js';
import { native } from '../../../agent/kernel/native.js';
import { World } from '../../kernel/world.js';
import { kernelTest } from '../../kernel-test.js';
import { cluster, endpoint, outside, policy, snapshot, webKey } from './scene.js';

const client = { namespace: 'shop', labels: {}, addresses: [], workload: endpoint(1).workload };

kernelTest(
  'connections come from the Pod, their first bytes are whole; sockets nobody took are given back',
  async (t) => {
    const world = World.open(t);
    const pod = world.pod({ wired: ['10.1.0.2', 'fd01::2'] });
    const backend = world.pod({ wired: ['10.1.0.3', 'fd01::3'] });
    await world.start(backend).run(`serve('10.1.0.3', name='backend'); serve('fd01::3', name='backend')`);
    const broker = startBroker({ upstreams: world.datapath.maps.get('upstreams')! });
    t.teardown(() => broker.close());
    broker.addNamespace(pod.id, pod.netns);
    const worker = broker.addWorker();
    t.teardown(() => closeSync(worker));

    const asked: number[] = [];
    let now = 0;
    const sockets = new PodSockets(
      (name, family, count) => {
        if (name !== 'shop/a') throw new Error(`${name} is not known`);
        asked.push(count);
        return native().blankSockets(worker, pod.id, family, count);
      },
      () => now,
    );
    const upstreams = new UpstreamPools({ clock: systemClock, random: Math.random, sockets });
    t.teardown(() => upstreams.close());

    const downstream = { ...outside, origin: 'mesh' as const, pod: 'shop/a' };
    const connect = (address: string, from = downstream): Promise<TcpResult> => {
      const config = snapshot(cluster([endpoint(1, { address })], {}, policy()));
      upstreams.update(config);
      return upstreams.connect({ snapshot: config, cluster: webKey, downstream: from, client, sni: '' });
    };
    for (const [address, source] of [
      ['10.1.0.3', '10.1.0.2'],
      ['fd01::3', 'fd01::2'],
    ] as const) {
      for (let i = 0; i < 20; i++) {
        const result = await connect(address);
        if (result.type === 'refused') return t.fail(result.why);
        t.is(result.socket.localAddress, source);
        const heard = new Promise<string>((resolve) =>
          result.socket.once('data', (chunk) => resolve(chunk.toString())),
        );
        t.is(await heard, 'backend\n');
        result.socket.destroy();
      }
    }
    t.deepEqual(asked, [1, 8, 8, 8, 1, 8, 8, 8]);
    now += 6000;
    sockets.sweep();
    await connect('10.1.0.3');
    t.is(asked.length, 9);
    t.deepEqual(await connect('10.1.0.3', { ...downstream, pod: 'shop/gone' }), {
      type: 'refused',
      why: 'connect-failure',
    });
  },
);
