import { viewOf } from '../tables/bytes.js';
import { readSocketNameRow } from '../tables/layout.gen.js';
import type { Backend } from './backends.js';
import { type NativeMap, native } from './native.js';
import type { Captured } from './pods.js';

const protocols = ['TCP', 'UDP'] as const;
const families = [4, 6] as const;

/**
 * Ends the sockets that would otherwise wait for a backend that is gone: connected UDP always, so that
 * the client resolves again, TCP where the Service asks for `reset`. A blocked call of the client gets ECONNABORTED (SOCK_DESTROY).
 * Only sockets that Weft had sent there: others to the same address are not ours. Returns how many it ended.
 */
export function endSockets(gone: readonly Backend[], pods: Iterable<Captured>, names: NativeMap): number {
  const wanted = new Map(
    gone
      .filter((backend) => backend.protocol === 'UDP' || backend.onRemoval === 'reset')
      .map((backend) => [backend.id, backend]),
  );
  if (wanted.size === 0) return 0;
  const needed = protocols.filter((protocol) => [...wanted.values()].some((backend) => backend.protocol === protocol));
  let ended = 0;
  for (const pod of pods) {
    for (const protocol of needed) {
      for (const family of families) {
        for (const socket of native().sockets(pod.path, { protocol, family, storage: names })) {
          if (!socket.storage) continue;
          const name = readSocketNameRow(viewOf(socket.storage), 0);
          const backend = wanted.get(name.backend);
          if (backend?.protocol !== protocol || backend.generation !== name.generation) continue;
          if (native().destroySocket(pod.path, socket)) ended++;
        }
      }
    }
  }
  return ended;
}
