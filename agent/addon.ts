import { createRequire } from 'node:module';

/** How every failing call of the addon (`native/`) ends. */
export interface NativeError extends Error {
  /** What was tried, for example `map_create`, `prog_load`, `link_create`, `setns`. */
  readonly operation: string;
  /** The kernel object it was tried on: a map's or program's name, a path. */
  readonly object: string;
  /** The errno's name, for example `EPERM`. */
  readonly code: string;
  readonly errno: number;
  /** The verifier's log when there is one, else the empty string. */
  readonly log: string;
}

/** A message of a channel, and the descriptors that came with it: the receiver's to close. */
export interface ChannelMessage {
  readonly message: Uint8Array;
  readonly fds: readonly number[];
}

/** What the addon offers to processes that hand descriptors to each other: the agent and the gateway's workers. Throws {@link NativeError}. */
export interface Descriptors {
  /** Both ends of a new channel for messages with descriptors (AF_UNIX, SOCK_SEQPACKET, close-on-exec, blocking). */
  socketPair(): readonly [number, number];
  /**
   * Sends one message of 1 to 65536 bytes with at most 64 descriptors, which stay open here. While the channel is full it blocks; with `waits` false it fails with EAGAIN.
   * EPIPE when the other end is closed.
   */
  sendDescriptors(channel: number, message: Uint8Array, fds: readonly number[], waits?: boolean): void;
  /**
   * Takes the next message, close-on-exec; null when none comes within `timeoutMs` (0: does not wait). The whole process waits meanwhile. EPIPE or ECONNRESET when the other end is closed
   * and everything was read; EMSGSIZE when it has more than `limitBytes`, which is lost then; EMFILE when its descriptors found no room.
   */
  receiveDescriptors(channel: number, limitBytes: number, timeoutMs: number): ChannelMessage | null;
  /**
   * Asks the broker for 1 to 16 TCP sockets that are neither bound nor connected, made inside the namespace it knows by this id: non-blocking, TCP_NODELAY, close-on-exec,
   * and never captured. Fewer may come. The whole process waits, at most 1 s. ENOENT: the namespace is not known (any more); ETIMEDOUT; EPIPE: the broker has ended.
   */
  blankSockets(broker: number, namespace: number, family: 4 | 6, count: number): readonly number[];
  /**
   * Gives up for good, in all threads, what a proxy does not need: becomes `uid` and `gid` (neither is 0) without other groups, capabilities and new privileges; calls such as execve,
   * ptrace, bpf, mount, setns and unshare fail with EPERM (seccomp). What is open stays usable. Needs CAP_SETUID, CAP_SETGID and CAP_SETPCAP.
   */
  lockDown(options: { readonly uid: number; readonly gid: number }): void;
  closeFd(fd: number): void;
  /** Needs this thread's event loop, which stays alive while there are wires. */
  openWires(parts: WireParts): NativeWires;
}

/** What {@link NativeWires} and JavaScript share; the buffers stay in use until `close`. */
export interface WireParts {
  /** At least 512 KiB: where bytes that came in lie for the time of a call of `ready`. */
  readonly input: Uint8Array;
  /** At least 32 pairs, in the order of `input`: a wire's number, and how many bytes came in; 0 or -errno: it has ended or broken, and is told again until it is removed. */
  readonly events: Int32Array;
  /** Where bytes that go out lie for the time of `send`. */
  readonly output: Uint8Array;
  /** Triples: a wire's number, offset and length in `output`. `send` puts how many bytes were taken in the place of the length, or -errno. */
  readonly orders: Int32Array;
  /** So many events have happened. */
  readonly ready: (events: number) => void;
}

/** Connected sockets whose bytes are moved in batches. At most 4096. */
export interface NativeWires {
  /** The number of a new wire: a descriptor of its own for the same socket, which is read from now on. ENOSPC, EMFILE, EPERM. */
  add(fd: number): number;
  /** Nothing when that wire is gone. */
  remove(wire: number): void;
  setReading(wire: number, isWanted: boolean): void;
  /** Sends the first `count` orders, each as far as the kernel takes it at once. A wire that took less than all takes nothing more in this call (-EAGAIN). */
  send(count: number): void;
  /** All wires; nothing is told any more. */
  close(): void;
}

const require = createRequire(import.meta.url);
let loaded: unknown;

/**
 * The addon, loaded on first use so that commands which need no kernel run on any system. Throws when it is not built.
 * The environment's WEFT_NATIVE names another build of it, for example one with a sanitizer.
 */
export function addon(): Descriptors {
  loaded ??= require(process.env.WEFT_NATIVE ?? '../../build/Release/weft.node');
  return loaded as Descriptors;
}
