import { kernelTest } from '../kernel-test.js';
import type { Caller } from './caller.js';
import { backends, type Manifest, pod, service } from './objects.js';
import { eventually, type House, prompt, Site } from './site.js';

const addresses = ['10.1.0.1', '10.1.0.2', '10.1.0.3', '10.1.0.4'];

interface Scene {
  readonly site: Site;
  readonly caller: Caller;
  /** Rewrites the Pods: without one, or with it terminating. */
  readonly show: (pods: readonly Manifest[]) => void;
}

const pods = backends('web', addresses);

async function scene(site: Site, annotations: Readonly<Record<string, string>>): Promise<Scene> {
  const house: House = site.house();
  const ports = [
    { name: 'tcp', port: 80, targetPort: 8080 },
    { name: 'udp', port: 81, targetPort: 8081, protocol: 'UDP' },
  ];
  site.write('web', [
    service('web', { addresses: ['10.96.0.1'], annotations, ports }),
    pod('client', { addresses: ['10.1.255.1'], netns: house.name }),
  ]);
  const show = (shown: readonly Manifest[]): void => site.write('pods', shown);
  show(pods);
  await site.agent.start();
  return { site, caller: await site.caller(house), show };
}

function without(address: string): readonly Manifest[] {
  return pods.filter((_, index) => addresses[index] !== address);
}

/** The Pods, one of them about to end but serving yet. */
function ending(address: string): readonly Manifest[] {
  return pods.map((each, index) =>
    addresses[index] === address
      ? pod(`web-${index + 1}`, { app: 'web', addresses: [address], terminating: true })
      : each,
  );
}

/** Waits until 100 connections in a row avoid the address. */
function avoided(caller: Caller, address: string): Promise<number> {
  return eventually(
    () => caller.count(100, '10.96.0.1'),
    (seen) => !(`${address}:8080` in seen),
  );
}

const readOnce = `
    def read_once():
        try:
            outcome.append(kept[0][0].recv(16).decode())
        except OSError as error:
            outcome.append(errno.errorcode[error.errno])
    outcome = []
    kept[0][0].settimeout(None)
    threading.Thread(target=read_once, daemon=True).start()`;

for (const policy of ['drain', 'reset']) {
  kernelTest(`on-removal ${policy}: what a connection to a removed backend meets`, async (t) => {
    const { caller, show } = await scene(Site.make(t), policy === 'drain' ? {} : { 'weft.dev/on-removal': policy });
    await caller.keep(1, '10.96.0.1');
    const backend = await caller.run<string>(`kept[0][1].getsockname()[0].removeprefix('::ffff:')`);
    show(ending(backend));
    await avoided(caller, backend);
    t.is(await caller.exchange(0), 'ping!', 'terminating is not gone');
    await caller.run(readOnce);
    show(without(backend));
    if (policy === 'reset') {
      const took = await eventually(
        () => caller.run<readonly string[]>('outcome'),
        (outcome) => outcome.length > 0,
      );
      t.true(took < prompt, `${took} ms`);
      t.deepEqual(await caller.run('outcome'), ['ECONNABORTED']);
    } else {
      await avoided(caller, backend);
      await caller.run(`kept[0][1].sendall(b'late')`);
      await eventually(
        () => caller.run<readonly string[]>('outcome'),
        (outcome) => outcome[0] === 'late',
      );
      t.is(await caller.exchange(0), 'ping!');
    }
  });
}

kernelTest('a connected UDP socket to a removed backend fails at once; others are left alone', async (t) => {
  const { caller, show } = await scene(Site.make(t), {});
  const place = await caller.run<string>(`
    def speak(client):
        client.send(b'x')
        ready, _, _ = select.select(list(boxes), [], [], 5)
        _, notes, _, _ = ready[0].recvmsg(16, 128)
        return socket.inet_ntop(socket.AF_INET6, notes[0][2][:16]).removeprefix('::ffff:')
    talkers = []
    for _ in range(24):
        talker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        talker.connect(('10.96.0.1', 81))
        talkers.append((talker, speak(talker)))
    outcome = {}
    def wait_for(index):
        try:
            talkers[index][0].recv(16)
        except OSError as error:
            outcome[index] = errno.errorcode[error.errno]
    for index in range(len(talkers)):
        threading.Thread(target=wait_for, args=(index,), daemon=True).start()
    talkers[0][1]`);
  t.true(addresses.includes(place), place);
  const places = await caller.run<readonly string[]>('[place for _, place in talkers]');
  t.true(new Set(places).size > 1);
  show(without(place));
  const doomed = places.filter((each) => each === place).length;
  const took = await eventually(
    () => caller.run<Readonly<Record<string, string>>>('outcome'),
    (outcome) => Object.keys(outcome).length === doomed,
  );
  t.true(took < prompt, `${took} ms`);
  const outcome = await caller.run<Readonly<Record<string, string>>>('outcome');
  for (const index of Object.keys(outcome)) t.is(places[Number(index)], place);
  t.deepEqual([...new Set(Object.values(outcome))], ['ECONNABORTED']);
  const survivor = places.findIndex((each) => each !== place);
  t.is(await caller.run(`speak(talkers[${survivor}][0])`), places[survivor]);
});
