import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { viewOf } from '../tables/bytes.js';
import { type NativeMap, native } from './native.js';

/** `enum BrokerOrder` of native/blank.h. */
const orders = { addNamespace: 1, removeNamespace: 2, addWorker: 3, markIn: 4 } as const;
/** `blankVersion` there. */
const version = 1;
/** `struct BrokerMessage` there, in bytes. */
const messageSize = 12;

/** Built beside the addon. */
const executable =
  process.env.WEFT_NATIVE === undefined
    ? fileURLToPath(new URL('../../../build/Release/weft-sockets', import.meta.url))
    : join(dirname(process.env.WEFT_NATIVE), 'weft-sockets');

export interface BrokerOptions {
  /** The map `upstreams`: sockets that are in it are never captured. */
  readonly upstreams: NativeMap;
  /** It has ended although it was not told to: workers get no more sockets from it. Default: nobody is told. */
  readonly onExit?: (why: string) => void;
}

/**
 * A process that makes blank TCP sockets inside Pods' namespaces for gateway workers, as {@link Descriptors.blankSockets} asks for. It
 * outlives this process, and ends with the last worker. Once it has ended, calls do nothing.
 */
export interface SocketBroker {
  readonly pid: number;
  /** From now on `id` stands for the namespace at `path`, which the broker keeps alive until it is removed. Throws as open(2) does. */
  addNamespace(id: number, path: string): void;
  removeNamespace(id: number): void;
  /** The worker's end of a new channel to the broker, close-on-exec; the caller closes it. */
  addWorker(): number;
  /** Lets go of it: it lives on as long as a worker does. */
  close(): void;
}

/** Starts a broker, in a session of its own: a terminal's Ctrl-C is the agent's affair. Throws when it is not built. */
export function startBroker({ upstreams, onExit = () => undefined }: BrokerOptions): SocketBroker {
  const [control, theirs] = native().socketPair();
  const child = spawn(executable, { stdio: ['ignore', 'ignore', 'inherit', theirs], detached: true, env: {} });
  native().closeFd(theirs);
  if (child.pid === undefined) {
    native().closeFd(control);
    child.once('error', () => undefined);
    throw new Error(`${executable} cannot be started: npm run build`);
  }
  let isOpen = true;
  const close = (): void => {
    if (isOpen) native().closeFd(control);
    isOpen = false;
  };
  child.once('exit', (code, signal) => {
    if (isOpen) onExit(signal ?? `code ${code}`);
    close();
  });
  child.unref();
  const order = (which: number, id: number, fds: readonly number[]): void => {
    if (!isOpen) return;
    const message = new Uint8Array(messageSize);
    [version, which, id].forEach((value, i) => {
      viewOf(message).setUint32(i * 4, value, true);
    });
    try {
      native().sendDescriptors(control, message, fds);
    } catch (error) {
      // It has just ended: `exit` follows.
      if (!['EPIPE', 'ECONNRESET'].includes((error as NodeJS.ErrnoException).code!)) throw error;
    }
  };
  order(orders.markIn, 0, [upstreams.descriptor()]);
  return {
    pid: child.pid,
    addNamespace(id, path) {
      const fd = openSync(path, 'r');
      try {
        order(orders.addNamespace, id, [fd]);
      } finally {
        closeSync(fd);
      }
    },
    removeNamespace: (id) => order(orders.removeNamespace, id, []),
    addWorker() {
      const [worker, broker] = native().socketPair();
      try {
        order(orders.addWorker, 0, [broker]);
      } finally {
        native().closeFd(broker);
      }
      return worker;
    },
    close,
  };
}
