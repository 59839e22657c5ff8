import { addon, type Descriptors } from '../addon.js';

/**
 * The addon's face: what `native/` offers, typed. The addon moves bytes and owns kernel objects; it
 * knows no table and parses no traffic. Every failing call throws a {@link NativeError}.
 */
export type { NativeError } from '../addon.js';

/** The kernel's description of a map (`struct bpf_map_info`). Sizes in bytes. */
export interface MapInfo {
  readonly name: string;
  readonly type: number;
  readonly id: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
  readonly btfId: number;
  readonly btfKeyTypeId: number;
  readonly btfValueTypeId: number;
}

/** `count` keys and values, each packed without gaps. */
export interface Entries {
  readonly keys: Uint8Array;
  readonly values: Uint8Array;
  readonly count: number;
}

export interface NativeMap {
  info(): MapInfo;
  /** The value, or null when the key is absent. Per-CPU maps give one value a possible CPU, each padded to 8 bytes. */
  lookup(key: Uint8Array): Uint8Array | null;
  /** `flags`: BPF_ANY 0 (default), BPF_NOEXIST 1, BPF_EXIST 2. */
  put(key: Uint8Array, value: Uint8Array, flags?: number): void;
  /** True when the key was there. */
  remove(key: Uint8Array): boolean;
  /** Writes `count` packed pairs; falls back to single writes where the kernel has no batch. Returns the pairs written; throws at the first that fails. */
  putBatch(keys: Uint8Array, values: Uint8Array, count: number): number;
  /** Removes `count` packed keys; absent ones are passed over. Returns how many were there. */
  removeBatch(keys: Uint8Array, count: number): number;
  /** All entries (a snapshot, not atomic). For arrays this is every index, unless `limit` entries are enough. */
  entries(limit?: number): Entries;
  pin(path: string): void;
  /** Its descriptor, which stays the map's: for passing it on. */
  descriptor(): number;
  /** The map's BTF blob as the kernel keeps it, or null when it was made without. */
  btf(): Uint8Array | null;
  close(): void;
}

export interface ProgramInfo {
  readonly name: string;
  readonly type: number;
  readonly id: number;
  /** Eight bytes in hex: a hash of the instructions. */
  readonly tag: string;
  readonly runTimeNs: bigint;
  readonly runCount: bigint;
  readonly mapIds: readonly number[];
}

export interface NativeProgram {
  info(): ProgramInfo;
  /** Attaches to a cgroup with a bpf_link. `attachType` as in `enum bpf_attach_type`; default: what the section says. */
  attachCgroup(cgroupPath: string, attachType?: number): NativeLink;
  /** Attaches to the network namespace at `path` with a bpf_link, which ends with the namespace and does not keep it alive. */
  attachNetns(path: string): NativeLink;
  /** BPF_PROG_TEST_RUN. `context` is copied in; what the kernel writes back is `context` of the result. */
  run(options: { context?: Uint8Array; data?: Uint8Array; repeat?: number }): {
    returned: number;
    durationNs: number;
    context: Uint8Array;
    data: Uint8Array;
  };
  close(): void;
}

export interface LinkInfo {
  readonly id: number;
  readonly type: number;
  readonly programId: number;
  /** 0 when detached. The inode number of the cgroup's directory. */
  readonly cgroupId: bigint;
  /** The inode number of the network namespace; 0 when that is gone, or the link is of another kind. */
  readonly netnsInode: number;
  readonly attachType: number;
}

export interface NativeLink {
  info(): LinkInfo;
  /** Swaps the program in the live link (BPF_LINK_UPDATE). */
  update(program: NativeProgram): void;
  detach(): void;
  pin(path: string): void;
  close(): void;
}

export interface ObjectMap {
  readonly name: string;
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
}

export interface ObjectProgram {
  readonly name: string;
  readonly section: string;
  readonly type: number;
  readonly expectedAttachType: number;
}

/** An ELF object before and after loading. Order: open → setMaxEntries / setVariable / reuse / skip → load. */
export interface NativeObject {
  maps(): readonly ObjectMap[];
  programs(): readonly ObjectProgram[];
  setMaxEntries(map: string, entries: number): void;
  /** Sets the initial bytes of a global (`const volatile` in .rodata, or .data) by its name; size must match. */
  setVariable(name: string, value: Uint8Array): void;
  /** Uses an existing map in place of the object's own of that name. */
  reuse(map: string, existing: NativeMap): void;
  /** Leaves a program out of the load. */
  skip(program: string): void;
  load(): void;
  map(name: string): NativeMap;
  program(name: string): NativeProgram;
  close(): void;
}

export interface NativeRing {
  /**
   * Takes what is in the ring, at most `maxBytes` of payload. `data` holds the records back to back,
   * `lengths` the bytes of each. Never blocks.
   */
  drain(maxBytes: number): { data: Uint8Array; lengths: Uint32Array };
  close(): void;
}

export interface SocketAddress {
  /** A textual IPv4 or IPv6 address. */
  readonly address: string;
  readonly port: number;
}

export interface DiagSocket {
  readonly family: 4 | 6;
  readonly protocol: 'TCP' | 'UDP';
  readonly state: number;
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  readonly cookie: bigint;
  readonly interface: number;
  readonly inode: number;
  /** The socket's value in the asked SK_STORAGE map, or null. */
  readonly storage: Uint8Array | null;
}

export interface Native extends Descriptors {
  /** Opens an ELF object kept in memory. */
  openObject(elf: Uint8Array, name: string): NativeObject;
  openMap(pin: string): NativeMap;
  openMapById(id: number): NativeMap;
  openProgramById(id: number): NativeProgram;
  openLink(pin: string): NativeLink;
  /** Every bpf_link of the system that attaches to a cgroup, with the name of its program. */
  cgroupLinks(): readonly (LinkInfo & { readonly programName: string })[];
  openRing(map: NativeMap): NativeRing;

  /** Takes an exclusive flock(2) on a directory or file. Null when another process holds it. */
  lock(path: string): { release(): void } | null;
  /** Mounts bpffs at `path` when it is no bpffs yet. True when it mounted. */
  mountBpffs(path: string): boolean;
  /** uid and gid of the peer of a connected Unix socket (SO_PEERCRED). */
  peer(fd: number): { uid: number; gid: number; pid: number };
  /** CLOCK_MONOTONIC in ns: the clock of bpf_ktime_get_ns. */
  monotonicNs(): bigint;
  /** CLOCK_BOOTTIME in ns. */
  boottimeNs(): bigint;
  possibleCpus(): number;
  /** Gives freed memory of the C library back to the system (malloc_trim(3)). */
  trimMemory(): void;
  /** Turns on run-time statistics of BPF programs until closed (BPF_ENABLE_STATS). */
  enableStats(): { close(): void };

  /** The cookie of a network namespace, given a path to it (SO_NETNS_COOKIE, Linux 5.14; ENOPROTOOPT before). */
  netnsCookie(path: string): bigint;
  /** The cookie of a socket (SO_COOKIE). */
  socketCookie(fd: number): bigint;
  /**
   * Makes a socket inside the namespace at `path` (a thread enters it and leaves; the socket stays). Returns its descriptor, owned by the caller.
   * With `listen`, a bound listening TCP socket or bound UDP socket; with `connect`, one that connects, non-blocking (EINPROGRESS is success).
   */
  socketIn(
    path: string,
    options: {
      family: 4 | 6;
      protocol: 'TCP' | 'UDP';
      bind?: SocketAddress;
      device?: string;
      v6only?: boolean;
      reuseport?: boolean;
      /** `bind` may be an address that no device has (IP_FREEBIND). */
      freebind?: boolean;
      listen?: number;
      connect?: SocketAddress;
    },
  ): number;
  /**
   * Listening TCP sockets of the caller's namespace on `port` that process `pid` has, as descriptors of the caller's own (pidfd_getfd, Linux 5.6;
   * needs CAP_SYS_PTRACE). Both processes then share each queue of connections.
   */
  takeListeners(pid: number, port: number): number[];
  /**
   * Makes the IPv6 addresses PREFIX/`length` the namespace's own: a `local` route by lo. True when it was not there. Fails where lo has no IPv6.
   */
  localRoute(path: string, prefix: string, length: number): boolean;
  /**
   * Moves the calling process's main thread into a namespace of its own making (unshare CLONE_NEWNET) and brings lo up.
   * For short-lived helper processes only.
   */
  unshareNetwork(): void;
  /** setns(2) of the calling thread to the network namespace at `path`. For short-lived helper processes only. */
  enterNetwork(path: string): void;

  /** Sockets of a namespace by NETLINK_SOCK_DIAG; `remote` filters by peer, `storage` also asks for that SK_STORAGE map's values. */
  sockets(
    path: string,
    query: { protocol: 'TCP' | 'UDP'; family: 4 | 6; remote?: SocketAddress; storage?: NativeMap },
  ): readonly DiagSocket[];
  /** SOCK_DESTROY of one socket. False when it was gone already. */
  destroySocket(path: string, socket: DiagSocket): boolean;
}

/** As {@link addon}, with all that the agent uses. */
export function native(): Native {
  return addon() as Native;
}
