/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Every struct that crosses between the kernel and the agent, defined once.
 * agent/tables/layout.gen.ts is generated from the BTF of the compiled object.
 *
 * Conventions: ids start at 1, 0 is nobody. Addresses are 16 bytes, IPv4 in its
 * IPv4-mapped form (RFC 4291 2.5.5.2). __be16/__be32 are in network byte order,
 * everything else in the machine's. Padding is explicit and zero.
 */
#ifndef WEFT_TABLES_H
#define WEFT_TABLES_H

#include <linux/bpf.h>
#include <linux/types.h>

enum weft_protocol {
	WEFT_TCP = 6, /* IPPROTO_TCP */
	WEFT_UDP = 17, /* IPPROTO_UDP */
};

struct weft_address {
	__be32 word[4];
};

/* What a client addresses: one Service address, port and protocol. */
struct frontend_key {
	struct weft_address address;
	__be16 port;
	__u8 protocol; /* enum weft_protocol */
	__u8 pad;
};

enum weft_policy {
	WEFT_POLICY_LEAST_REQUEST = 0,
	WEFT_POLICY_ROUND_ROBIN = 1,
	WEFT_POLICY_RANDOM = 2,
	WEFT_POLICY_MAGLEV = 3,
	WEFT_POLICY_PASSTHROUGH = 4,
};

/* Whether connections lead to the gateway, which decides by request; and what happens while it does not serve. */
enum weft_gateway {
	WEFT_GATEWAY_NONE = 0,
	WEFT_GATEWAY_BYPASS = 1, /* balanced here, by the policy */
	WEFT_GATEWAY_CLOSED = 2, /* refused */
};

/*
 * A frontend's table. The one row whose update makes a new region of slots (and
 * a new ring) current: a hash map replaces the element as a whole.
 */
struct frontend {
	__u32 service; /* id of (Service, port, address family); also indexes service_state */
	__u8 policy; /* enum weft_policy */
	__u8 gateway; /* enum weft_gateway; TCP only */
	__u8 pad[2];
	__u32 slot_base; /* first slot of the region in `slots` */
	__u32 slot_count; /* 0: no usable backend */
	__u32 weight_total; /* sum of the slots' weights */
	__u32 stride; /* round robin: coprime to weight_total */
	__u32 ring_base; /* Maglev: first entry in `rings` */
	__u32 ring_size; /* Maglev: prime, 0 without */
	__u32 affinity_seconds; /* sessionAffinity ClientIP, 0 without */
	__u32 max_connections; /* connectionPool.tcp.maxConnections, 0 without */
};

/*
 * One backend of one frontend. A region is sorted by backend id, so membership
 * is a binary search; `cumulative` grows along it, so a point in [0, weight_total)
 * is one too. `alias` and `threshold` are Vose's alias method in exact integers:
 * column i keeps points below threshold (of weight_total), gives the rest away.
 */
struct slot {
	__u32 backend; /* id, indexes `backends` */
	__u32 weight; /* > 0 */
	__u32 cumulative; /* sum of the weights up to and including this one */
	__u32 threshold; /* in [0, weight_total] */
	__u32 alias; /* offset in the region of the slot that gets the rest */
};

struct backend {
	struct weft_address address;
	__be16 port;
	__u8 protocol; /* enum weft_protocol */
	__u8 alive; /* 0: gone, or the id is free */
	__u32 generation; /* grows each time the id is given to another address */
};

/* Kept by the programs: connections in flight to a backend, from TCP SYN to CLOSE. */
struct backend_state {
	__u32 inflight;
	__u32 pad;
	__u64 opened;
	__u64 failed; /* closed before established */
	__u64 connect_ns; /* sum of time to connect of those that were established */
};

/* Kept by the programs: one Service port's connections in flight and its cursor. */
struct service_state {
	struct bpf_spin_lock lock; /* guards cursor: 5.10 has no fetching atomics */
	__u32 inflight;
	__u64 cursor; /* picks made round robin */
};

/* A meshed network namespace, by its cookie. */
struct pod_key {
	__u64 netns; /* bpf_get_netns_cookie */
};

struct pod {
	__u32 id;
	__u32 hash4; /* Maglev key of its IPv4 address: consistentHash.useSourceIp */
	__u32 hash6;
	__be16 gateway_port; /* of the gateway's listener inside the namespace; 0: there is none */
	__u8 gateway_six; /* 1: it listens for IPv6 too */
	__u8 pad;
	struct weft_address four; /* its own addresses, all zero where it has none of the family */
	struct weft_address six;
};

/*
 * The gateway's listener is reached at an address that names what the client asked for: 127.128.0.0/9 and
 * fd77:6566:7400::/64, whose last 23 or 32 bits are the id of `struct frontend.service`.
 */
#define WEFT_GATEWAY_FOUR 0x7f800000
#define WEFT_GATEWAY_FOUR_MASK 0xff800000
#define WEFT_GATEWAY_SIX_0 0xfd776566
#define WEFT_GATEWAY_SIX_1 0x74000000

/* A gateway listener. Its port is one namespace's alone on this node. */
struct gateway_listener_key {
	__be16 port;
	__u16 six; /* 1: IPv6 */
};

/* A connection to a gateway listener that connect() was led to: no other may reach it. */
struct admission_key {
	struct weft_address gateway;
	struct weft_address client;
	__be16 gateway_port;
	__be16 client_port;
};

struct admission {
	__u32 service;
};

/* sessionAffinity ClientIP. The client is its network namespace. */
struct affinity_key {
	__u64 netns;
	__u32 service;
	__u32 pad;
};

struct affinity {
	__u32 backend;
	__u32 generation;
	__u64 used_ns; /* CLOCK_MONOTONIC of the last pick */
};

enum weft_socket_state {
	WEFT_SOCKET_PICKED = 0, /* connect() was redirected, nothing was sent yet */
	WEFT_SOCKET_CONNECTING = 1, /* TCP: counted in flight */
	WEFT_SOCKET_ESTABLISHED = 2,
	WEFT_SOCKET_CLOSED = 3,
	WEFT_SOCKET_DATAGRAM = 4, /* connected UDP */
};

/* How far the FINs of a TCP connection got: the kernel counts each as a byte. */
enum weft_fin {
	WEFT_FIN_RECEIVED = 1,
	WEFT_FIN_ACKED = 2, /* ours: FIN_WAIT2 */
	WEFT_FIN_RELEASED = 4, /* no descriptor is left */
	WEFT_FIN_ABANDONED = 8, /* released in FIN_WAIT2: the kernel waits for the peer's elsewhere */
};

/* What a connected socket was told: SK_STORAGE of TCP and connected UDP. */
struct socket_name {
	struct weft_address service_address;
	struct weft_address backend_address;
	__be16 service_port;
	__be16 backend_port;
	__u8 protocol;
	__u8 state; /* enum weft_socket_state */
	__u8 fins; /* enum weft_fin */
	__u8 reason; /* enum weft_reason of the pick */
	__u32 service;
	__u32 backend;
	__u32 generation;
	__u32 pod;
	__u64 picked_ns; /* CLOCK_MONOTONIC */
	__u64 established_ns;
	__u64 received_bytes; /* when our FIN was acknowledged */
};

/*
 * A connected UDP socket, by its cookie: sock_diag tells the storage of TCP sockets
 * only, and those whose backend is gone must be found.
 */
struct datagram_key {
	__u64 cookie; /* bpf_get_socket_cookie */
};

struct datagram {
	__u32 backend;
	__u32 generation;
};

#define WEFT_PEERS 8

/* One Service that an unconnected UDP socket talks to. */
struct peer {
	struct weft_address service_address;
	struct weft_address backend_address;
	__be16 service_port;
	__be16 backend_port;
	__u32 service; /* 0: free */
	__u32 backend;
	__u32 generation;
	__u32 used; /* value of the socket's clock at the last send */
	__u32 named; /* 0 after a direct send to the backend */
};

/* SK_STORAGE of unconnected UDP. */
struct datagram_peers {
	struct bpf_spin_lock lock;
	__u32 clock; /* sends so far */
	__u32 found; /* scratch, under the lock: an index the verifier takes as any number */
	__u32 victim;
	struct peer peers[WEFT_PEERS];
};

enum weft_verdict {
	WEFT_PASS = 0, /* left alone */
	WEFT_REDIRECT = 1,
	WEFT_REFUSE = 2,
};

enum weft_reason {
	WEFT_REASON_NOT_MESHED = 0, /* pass: the namespace is no enabled Pod */
	WEFT_REASON_NO_SERVICE = 1, /* pass: no Service has this address and port */
	WEFT_REASON_PASSTHROUGH = 2, /* pass: DestinationRule says PASSTHROUGH */
	WEFT_REASON_PICKED = 3, /* redirect: by the policy */
	WEFT_REASON_AFFINITY = 4, /* redirect: sessionAffinity */
	WEFT_REASON_STICKY = 5, /* redirect: this UDP socket's earlier pick */
	WEFT_REASON_NO_BACKEND = 6, /* refuse */
	WEFT_REASON_MAX_CONNECTIONS = 7, /* refuse */
	WEFT_REASON_TABLE_BROKEN = 8, /* refuse: a row names what is not there */
	WEFT_REASON_UNSUPPORTED_SOCKET = 9, /* pass: neither TCP nor UDP */
	WEFT_REASON_GATEWAY = 10, /* redirect: to the gateway's listener in the Pod's namespace */
	WEFT_REASON_GATEWAY_DOWN = 11, /* refuse: nobody serves there, and the Service is WEFT_GATEWAY_CLOSED */
	WEFT_REASON_GATEWAY_DIRECT = 12, /* refuse: a process addresses the listener itself */
	WEFT_REASON_UPSTREAM = 13, /* pass: a socket of the gateway */
};

#define WEFT_REASONS 14

/* Traffic of one edge of the graph, summed in the kernel. */
struct edge_key {
	__u32 pod; /* id of the client's Pod; all 0: the edges that did not fit */
	__u32 service;
	__u32 backend;
	__u32 generation; /* of the backend */
};

struct edge {
	__u64 opened;
	__u64 closed;
	__u64 failed;
	__u64 sent_bytes; /* acknowledged by the backend, known at close */
	__u64 received_bytes;
};

enum weft_event {
	WEFT_EVENT_OPEN = 1, /* TCP established, UDP connected or first datagram to a Service */
	WEFT_EVENT_CLOSE = 2,
	WEFT_EVENT_FAIL = 3, /* TCP closed before established */
	WEFT_EVENT_REFUSE = 4,
};

/* A record of the ring buffer. */
struct flow_event {
	__u64 time_ns; /* CLOCK_MONOTONIC */
	struct weft_address service_address;
	struct weft_address backend_address;
	__be16 service_port;
	__be16 backend_port;
	__u8 event; /* enum weft_event */
	__u8 verdict; /* enum weft_verdict */
	__u8 reason; /* enum weft_reason */
	__u8 protocol;
	__u32 pod;
	__u32 service;
	__u32 backend;
	__u32 srtt_us; /* at close */
	__u64 connect_ns; /* time to connect */
	__u64 duration_ns; /* since the pick, at close */
	__u64 sent_bytes;
	__u64 received_bytes;
};

/* Things that went over a bound: the index of `counters`. */
enum weft_counter {
	WEFT_COUNT_EVENTS_LOST = 0, /* the ring was full */
	WEFT_COUNT_EDGES_FULL = 1,
	WEFT_COUNT_AFFINITY_FULL = 2,
	WEFT_COUNT_PEERS_EVICTED = 3, /* a UDP socket used more Services than it has places */
	WEFT_COUNT_STORAGE_FULL = 4, /* no memory for a socket's names */
	WEFT_COUNT_PEER_SHARED = 5, /* one backend serves two Services on one UDP socket */
	WEFT_COUNT_DATAGRAMS_FULL = 6, /* a connected UDP socket that will not be ended with its backend */
	WEFT_COUNT_GATEWAY_STRANGERS = 7, /* connections to a gateway listener that connect() was not led to: dropped */
};

#define WEFT_COUNTERS 8

struct counter {
	__u64 value;
};

/* One row: what the agent tells the programs while they run. */
struct control {
	__u64 heartbeat_ns; /* CLOCK_MONOTONIC, written every second by the agent */
	__u32 events; /* 1: connections are reported through the ring */
	__u32 pad;
	__u64 gateway_ns; /* CLOCK_MONOTONIC, written every second while the gateway serves; 0: it does not */
};

/* The gateway is down once its stamp is older. */
#define WEFT_GATEWAY_STALE_NS 3000000000ULL

#define WEFT_NAME_MAX 320

/* A manual weight or a drain, kept in the kernel so that it outlives the agent. Programs never read it. */
struct override_key {
	__u8 digest[16]; /* first half of SHA-256 over kind, service and backend */
};

struct override {
	__u32 kind; /* 1: weight, 2: drain */
	__u32 weight;
	char service[WEFT_NAME_MAX]; /* NS/NAME, zero-terminated; empty for a drain */
	char backend[WEFT_NAME_MAX]; /* NS/POD or an address, zero-terminated */
};

#endif
