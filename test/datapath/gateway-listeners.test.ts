import { basename } from 'node:path';
import type { ExecutionContext } from 'ava';
import { GatewayListeners } from '../../agent/kernel/gateway-listeners.js';
import { native } from '../../agent/kernel/native.js';
import { PodTable } from '../../agent/kernel/pods.js';
import type { Pod } from '../../agent/model/mesh.js';
import { viewOf } from '../../agent/tables/bytes.js';
import { readPodRow } from '../../agent/tables/layout.gen.js';
import { makeNamespace, removeNamespace } from '../kernel/scratch.js';
import { World } from '../kernel/world.js';
import { kernelTest } from '../kernel-test.js';

/** An agent's tables of Pods and listeners, over the pins of the one before. */
class Agent {
  readonly pods: PodTable;
  readonly listeners: GatewayListeners;
  readonly #world: World;

  constructor(t: ExecutionContext, world: World) {
    const { datapath, pins } = world;
    this.#world = world;
    this.pods = new PodTable(datapath.store, (path) => native().netnsCookie(path), undefined);
    const map = datapath.maps.get('gateway_listeners')!;
    const { pods } = this;
    this.listeners = new GatewayListeners({ listeners: map, pods, pins, admission: datapath.admission });
    t.teardown(() => this.listeners.close());
  }

  /** These Pods are all there are. Returns how many listeners were opened and closed. */
  want(pods: Readonly<Record<string, string>>): readonly [number, number] {
    for (const { pod } of this.pods.all()) if (!(pod in pods)) this.pods.want(pod, undefined);
    for (const [name, netns] of Object.entries(pods)) this.pods.want(name, podIn(netns));
    this.pods.refresh();
    const { opened, closed } = this.listeners.refresh(this.pods.all());
    return [opened.length, closed.length];
  }

  /** The port in each row, by the row's id. */
  ports(): ReadonlyMap<number, number> {
    const { values, count } = this.#world.datapath.store.read('pods');
    const size = count === 0 ? 0 : values.length / count;
    const rows = Array.from({ length: count }, (_, i) => readPodRow(viewOf(values), i * size));
    return new Map(rows.sort((a, b) => a.id - b.id).map(({ id, gatewayPort }) => [id, gatewayPort]));
  }

  portOf(pod: string): number {
    return [...this.listeners.all()].find((each) => each.pod === pod)!.port;
  }
}

function podIn(netns: string): Pod {
  return { uid: '', netns: basename(netns), addresses: ['10.1.0.2'] } as unknown as Pod;
}

function namespaces(t: ExecutionContext, count: number): readonly string[] {
  return Array.from({ length: count }, () => {
    const netns = makeNamespace();
    t.teardown(() => removeNamespace(netns));
    return netns;
  });
}

kernelTest('rows lead to listeners once these are announced, and refreshing again changes nothing', (t) => {
  const world = World.open(t);
  const [one, two] = namespaces(t, 2) as [string, string];
  const agent = new Agent(t, world);
  t.deepEqual(agent.want({ 'a/one': one, 'a/two': two }), [2, 0]);
  t.deepEqual([...agent.ports().values()], [0, 0]);
  agent.listeners.announce('a/one');
  agent.listeners.announce('a/nobody');
  t.deepEqual(
    agent.ports(),
    new Map([
      [1, agent.portOf('a/one')],
      [2, 0],
    ]),
  );
  t.deepEqual(agent.want({ 'a/one': one, 'a/two': two }), [0, 0]);
  t.deepEqual(
    agent.ports(),
    new Map([
      [1, agent.portOf('a/one')],
      [2, 0],
    ]),
  );
  t.is(agent.pods.verify(), 0);
});

kernelTest('a Pod that is another one in the same namespace gets listeners of its own', (t) => {
  const world = World.open(t);
  const [netns] = namespaces(t, 1) as [string];
  const agent = new Agent(t, world);
  agent.want({ 'a/one': netns });
  agent.listeners.announce('a/one');
  const before = agent.portOf('a/one');
  t.deepEqual(agent.want({ 'a/two': netns }), [1, 1]);
  t.deepEqual([...agent.ports().values()], [0]);
  t.not(agent.portOf('a/two'), before);
  t.is(world.pins.gatewayNames().length, 1);
});

kernelTest('a Pod that was not captured for a moment is led to its listeners again', (t) => {
  const world = World.open(t);
  const [netns] = namespaces(t, 1) as [string];
  const agent = new Agent(t, world);
  agent.want({ 'a/one': netns });
  agent.listeners.announce('a/one');
  for (const pod of [undefined, podIn(netns)]) {
    agent.pods.want('a/one', pod);
    agent.pods.refresh();
  }
  t.deepEqual([...agent.ports().values()], [0]);
  t.deepEqual(agent.want({ 'a/one': netns }), [0, 0]);
  t.deepEqual([...agent.ports().values()], [agent.portOf('a/one')]);
});

kernelTest('rows that lead to workers who are gone with their agent are cleared, those that are served stay', (t) => {
  const world = World.open(t);
  const [one, two] = namespaces(t, 2) as [string, string];
  const first = new Agent(t, world);
  first.want({ 'a/one': one, 'a/two': two });
  for (const pod of ['a/one', 'a/two']) first.listeners.announce(pod);
  const before = first.ports();
  const [survivor] = [...first.listeners.all()].filter(({ pod }) => pod === 'a/two');
  const [here, there] = native().socketPair();
  native().sendDescriptors(here, Uint8Array.of(1), survivor!.fds);
  const { fds } = native().receiveDescriptors(there, 1, 1000)!;
  t.teardown(() => {
    for (const fd of [here, there, ...fds]) native().closeFd(fd);
  });
  first.listeners.close();

  const second = new Agent(t, world);
  second.want({ 'a/one': one, 'a/two': two });
  t.deepEqual(
    second.ports(),
    new Map([
      [1, 0],
      [2, before.get(2)!],
    ]),
  );
  t.not(second.portOf('a/two'), before.get(2));
});

kernelTest('a namespace that cannot be entered is trouble for its Pod alone, until it can', (t) => {
  const world = World.open(t);
  const [one] = namespaces(t, 1) as [string];
  const agent = new Agent(t, world);
  agent.want({ 'a/one': one });
  const [captured] = agent.pods.all();
  const broken = { ...captured!, pod: 'a/broken', path: '/run/netns/nowhere', netns: 1n };
  const { opened } = agent.listeners.refresh([captured!, broken]);
  t.deepEqual(opened, []);
  t.deepEqual([...agent.listeners.troubles().keys()], ['a/broken']);
  t.regex(agent.listeners.troubles().get('a/broken')!, /ENOENT/);
  agent.listeners.refresh([captured!]);
  t.is(agent.listeners.troubles().size, 0);
});
