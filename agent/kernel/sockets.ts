import { viewOf } from '../tables/bytes.js';
import { DatagramKeySize, readDatagramRow, readSocketNameRow, writeDatagramKey } from '../tables/layout.gen.js';
import type { Backend } from './backends.js';
import { type DiagSocket, type NativeError, type NativeMap, native } from './native.js';
import type { Captured } from './pods.js';
import type { Store } from './store.js';

const families = [4, 6] as const;
/** Errors of a path to a namespace whose processes have ended: it has no sockets that anybody waits for. */
const vanished: ReadonlySet<string> = new Set(['ENOENT', 'ESRCH']);

/** Backends that are gone and whose sockets are to be ended. */
type Ended = Readonly<Record<'TCP' | 'UDP', readonly Backend[]>>;

/** Whose connection a socket is: what the programs noted when they redirected it. */
interface Owner {
  readonly backend: number;
  readonly generation: number;
}

/**
 * Ends the sockets that would otherwise wait for a backend that is gone: connected UDP always, so that
 * the client resolves again, TCP where the Service asks for `reset`. A blocked call of the client gets ECONNABORTED (SOCK_DESTROY).
 * Only sockets that Weft had sent there: others to the same address are not ours. Returns how many it ended.
 */
export function endSockets(gone: readonly Backend[], pods: Iterable<Captured>, store: Store, names: NativeMap): number {
  const ended = {
    UDP: gone.filter(({ protocol }) => protocol === 'UDP'),
    TCP: gone.filter(({ protocol, onRemoval }) => protocol === 'TCP' && onRemoval === 'reset'),
  };
  if (ended.UDP.length + ended.TCP.length === 0) return 0;
  let count = 0;
  for (const pod of pods) {
    try {
      for (const family of families) count += endIn(pod, family, ended, store, names);
    } catch (error) {
      if (!vanished.has((error as NativeError).code)) throw error;
    }
  }
  return count;
}

function endIn(pod: Captured, family: 4 | 6, ended: Ended, store: Store, names: NativeMap): number {
  let count = 0;
  if (ended.UDP.length > 0) {
    const sockets = native().sockets(pod.path, { protocol: 'UDP', family });
    count += endOwned(pod, sockets, ended.UDP, (socket) => ownerOfDatagrams(store, socket));
  }
  if (ended.TCP.length > 0) {
    const sockets = native().sockets(pod.path, { protocol: 'TCP', family, storage: names });
    count += endOwned(pod, sockets, ended.TCP, ownerOfConnection);
  }
  return count;
}

function endOwned(
  pod: Captured,
  sockets: readonly DiagSocket[],
  gone: readonly Backend[],
  ownerOf: (socket: DiagSocket) => Owner | undefined,
): number {
  const generations = new Map(gone.map(({ id, generation }) => [id, generation]));
  const owned = sockets.filter((socket) => {
    const owner = socket.remote.port === 0 ? undefined : ownerOf(socket);
    return owner !== undefined && generations.get(owner.backend) === owner.generation;
  });
  return owned.filter((socket) => native().destroySocket(pod.path, socket)).length;
}

function ownerOfConnection(socket: DiagSocket): Owner | undefined {
  return socket.storage ? readSocketNameRow(viewOf(socket.storage), 0) : undefined;
}

/** sock_diag tells no storage of UDP sockets (inet_sk_diag_fill), hence the table by cookie. */
function ownerOfDatagrams(store: Store, socket: DiagSocket): Owner | undefined {
  const key = new Uint8Array(DatagramKeySize);
  writeDatagramKey({ cookie: socket.cookie }, viewOf(key), 0);
  const row = store.lookup('connected_datagrams', key);
  return row && readDatagramRow(viewOf(row), 0);
}
