import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmdirSync } from 'node:fs';
import { createServer, type Server, Socket } from 'node:net';
import { join } from 'node:path';
import type { FrontendPlan } from '../../../agent/compile/plan.js';
import { startBroker } from '../../../agent/kernel/broker.js';
import { cgroupRoot } from '../../../agent/kernel/cgroups.js';
import { cookieReader } from '../../../agent/kernel/cookies.js';
import { writeControl } from '../../../agent/kernel/flows.js';
import { GatewayListeners } from '../../../agent/kernel/gateway-listeners.js';
import { Datapath } from '../../../agent/kernel/kernel.js';
import { type NativeMap, native } from '../../../agent/kernel/native.js';
import { lockPins, removePins } from '../../../agent/kernel/pins.js';
import { PodTable } from '../../../agent/kernel/pods.js';
import { Reconciler } from '../../../agent/kernel/reconcile.js';
import type { Pod } from '../../../agent/model/mesh.js';
import { duplicates } from '../../kernel/gateway.js';
import type { Check } from '../check.js';
import type { Call } from '../pod.js';
import { PodProcess } from '../pod-process.js';
import { servicePort } from '../ports.js';

const cgroup = '/sys/fs/cgroup/weft-gateway';
const pin = '/sys/fs/bpf/weft-gateway';
const netns = 'guest-gateway';
const services = { four: '10.96.7.1', six: 'fd00:96::7:1' } as const;
const pod = { four: '10.1.7.1', six: 'fd00:1::7:1' } as const;

const lockedDown = join(import.meta.dirname, '..', '..', 'native', 'lockdown-child.js');

/** The path to the gateway without workers: this process accepts in their place. */
export const gatewayChecks: readonly Check[] = [
  {
    name: 'connections to a Service with a gateway arrive at the listener in their namespace, and no others do',
    async run() {
      execFileSync('ip', ['netns', 'add', netns]);
      const commands = [`addr add ${pod.four}/32 dev lo`, `addr add ${pod.six}/128 dev lo nodad`, 'link set lo up'];
      execFileSync('ip', ['-n', netns, '-batch', '-'], { input: `${commands.join('\n')}\n` });
      mkdirSync(cgroup);
      const undo: (() => void)[] = [];
      const client = await PodProcess.start(cgroup, `/run/netns/${netns}`, []);
      try {
        await checkGateway(client, undo);
      } finally {
        await client.stop();
        for (const step of undo.reverse()) step();
        rmdirSync(cgroup);
        execFileSync('ip', ['netns', 'del', netns]);
      }
      return undefined;
    },
  },
  {
    name: 'a worker locks all of its threads down',
    run() {
      const found = JSON.parse(execFileSync(process.execPath, [lockedDown], { encoding: 'utf8' }));
      assert.equal(found.states.length, 1, JSON.stringify(found.states));
      for (const line of ['Uid: 65534 65534 65534 65534', 'CapEff: 0000000000000000', 'NoNewPrivs: 1', 'Seccomp: 2'])
        assert.ok(found.states[0].includes(line), line);
      assert.deepEqual([found.execve, found.setns, found.greeting], ['EPERM', 'EPERM', 'hello']);
      return undefined;
    },
  },
];

async function checkGateway(client: PodProcess, undo: (() => void)[]): Promise<void> {
  const { pins, release } = lockPins(pin);
  undo.push(release, () => removePins(pins, false));
  const datapath = Datapath.load({ pins, cgroup, cgroupRoot: cgroupRoot()!, capacities: {}, log: () => undefined });
  undo.push(() => datapath.close());
  datapath.attach();
  const { store, maps, admission } = datapath;
  const pods = new PodTable(store, cookieReader(cgroup), undefined);
  pods.want('default/gateway', { uid: '', netns, addresses: [pod.four, pod.six] } as unknown as Pod);
  pods.refresh();
  const reconciler = new Reconciler(store);
  reconciler.apply(new Map([['default/web', [planOf(services.four), planOf(services.six)]]]));
  const heartbeatNs = native().monotonicNs();
  writeControl(store, { heartbeatNs, events: false, gatewayNs: heartbeatNs + 3_600_000_000_000n });

  const listeners = new GatewayListeners({ listeners: maps.get('gateway_listeners')!, pods, pins, admission });
  undo.push(() => listeners.close());
  const { opened } = listeners.refresh(pods.all());
  assert.deepEqual([...listeners.troubles().values()], []);
  const servers = await Promise.all(duplicates(opened[0]!.fds).map(accept));
  undo.push(() => servers.forEach((server) => void server.close()));
  listeners.announce('default/gateway');

  const ids = [...reconciler.programmed()].map(({ service }) => service);
  const names = [`127.128.0.${ids[0]}`, `fd77:6566:7400::${ids[1]}`];
  const called = [services.four, services.six, `::ffff:${services.four}`];
  const calls: Call[] = [];
  for (const address of called) calls.push(...(await client.run('call', 1, address)));
  assert.deepEqual(
    calls.map(({ peer, backend, error }) => [peer, backend, error]),
    called.map((address, i) => [`${address} ${servicePort}`, names[i % 2], '']),
  );
  checkBroker(maps.get('upstreams')!, undo);
  for (const address of names) assert.equal(await dialFromOutside(address, opened[0]!.port), 'ECONNREFUSED', address);
}

/** Blank sockets come from the Pod's namespace, and are marked by a process that has CAP_SYS_ADMIN alone. */
function checkBroker(upstreams: NativeMap, undo: (() => void)[]): void {
  const broker = startBroker({ upstreams });
  undo.push(() => broker.close());
  broker.addNamespace(1, `/run/netns/${netns}`);
  const worker = broker.addWorker();
  undo.push(() => native().closeFd(worker));
  for (const family of [4, 6] as const) {
    const fds = native().blankSockets(worker, 1, family, 2);
    assert.equal(fds.length, 2);
    for (const fd of fds) {
      // A map of socket storage takes a descriptor for its key.
      assert.deepEqual([...upstreams.lookup(new Uint8Array(Uint32Array.of(fd).buffer))!], [1, 0, 0, 0]);
      native().closeFd(fd);
    }
  }
}

/** Greets with the local address, at which the client arrived. */
async function accept(fd: number): Promise<Server> {
  const server = createServer((socket) => socket.end(`${socket.localAddress}\n`));
  await new Promise<void>((resolve) => server.listen({ fd }, resolve));
  return server;
}

/** What a process of the namespace gets that is not in the cgroup. */
function dialFromOutside(address: string, port: number): Promise<string> {
  const family = address.includes(':') ? 6 : 4;
  const fd = native().socketIn(`/run/netns/${netns}`, { family, protocol: 'TCP', connect: { address, port } });
  return new Promise((resolve) => {
    const socket = new Socket({ fd, manualStart: true } as ConstructorParameters<typeof Socket>[0]);
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code!));
    socket.on('data', (data) => {
      socket.destroy();
      resolve(`reached ${data}`);
    });
    socket.resume();
  });
}

function planOf(address: string): FrontendPlan {
  const family = address.includes(':') ? 6 : 4;
  return {
    key: `default/web:${servicePort}/TCP/${family}`,
    service: 'default/web',
    port: servicePort,
    portName: '',
    protocol: 'TCP',
    family,
    addresses: [address],
    policy: 'LEAST_REQUEST',
    policySource: 'default',
    affinitySeconds: 0,
    maxConnections: 0,
    tableSize: 0,
    onRemoval: 'drain',
    gateway: 'closed',
    backends: [],
  };
}
