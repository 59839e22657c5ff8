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
