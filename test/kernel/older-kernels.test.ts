import { readFileSync } from 'node:fs';
import type { ExecutionContext } from 'ava';
import { native } from '../../agent/kernel/native.js';
import { kernelTest } from '../kernel-test.js';
import { planOf, World } from './world.js';

/** A world whose programs believe that the kernel has no bpf_set_retval (before 5.18). */
function withoutSetRetval(t: ExecutionContext): World {
  const world = World.open(t);
  const object = native().openObject(readFileSync(new URL('../../bpf/weft.bpf.o', import.meta.url)), 'weft');
  t.teardown(() => object.close());
  object.setVariable('has_set_retval', new Uint8Array(4));
  for (const [name, map] of world.datapath.maps) object.reuse(name, map);
  object.load();
  for (const name of world.datapath.programs.keys()) {
    const link = native().openLink(world.pins.link(name));
    link.update(object.program(name));
    link.close();
  }
  return world;
}

kernelTest(
  'without bpf_set_retval TCP is refused at once, connected UDP by its first datagram, and sendto with EPERM',
  async (t) => {
    const world = withoutSetRetval(t);
    const pod = world.pod({ local: ['10.1.0.2', 'fd01::2'] });
    for (const protocol of ['TCP', 'UDP'] as const) {
      world.apply(
        planOf({ service: `test/${protocol}`, protocol, address: '10.96.0.1', backends: [] }),
        planOf({ service: `test/${protocol}`, protocol, address: 'fd96::1', backends: [] }),
      );
    }
    const errors = await world.start(pod).run<string[][]>(`
    def connect(family, kind, address):
        s = socket.socket(family, kind)
        s.connect((address, 80))
        return s
    def send(s, to=None):
        s.settimeout(5)
        if to: s.sendto(b'x', to)
        else: s.send(b'x')
        s.recv(1)
    def errors(family, address):
        return [error_of(lambda: connect(family, socket.SOCK_STREAM, address)),
                error_of(lambda: send(connect(family, socket.SOCK_DGRAM, address))),
                error_of(lambda: send(socket.socket(family, socket.SOCK_DGRAM), (address, 80)))]
    [errors(2, '10.96.0.1'), errors(10, 'fd96::1'), errors(10, '::ffff:10.96.0.1')]`);
    t.deepEqual(errors, Array(3).fill(['ECONNREFUSED', 'ECONNREFUSED', 'EPERM']));
  },
);
