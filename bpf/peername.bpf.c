// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* getpeername(2) tells the Service that was asked for, not the backend (5.8). */
#include "hook.h"

static __always_inline int name_peer(struct bpf_sock_addr *ctx, struct endpoint *peer)
{
	struct socket_name *name = bpf_sk_storage_get(&socket_names, ctx->sk, 0, 0);
	if (!name || name->backend_port != peer->port ||
	    !same_address(&name->backend_address, &peer->address))
		return 0;
	peer->address = name->service_address;
	peer->port = name->service_port;
	return 1;
}

SEC("cgroup/getpeername4")
int weft_getpeername4(struct bpf_sock_addr *ctx)
{
	struct endpoint peer = read_endpoint4(ctx);
	if (name_peer(ctx, &peer))
		write_endpoint4(ctx, &peer.address, peer.port);
	return ALLOW;
}

SEC("cgroup/getpeername6")
int weft_getpeername6(struct bpf_sock_addr *ctx)
{
	struct endpoint peer = read_endpoint6(ctx);
	if (name_peer(ctx, &peer))
		write_endpoint6(ctx, &peer.address, peer.port);
	return ALLOW;
}

char LICENSE[] __weak SEC("license") = "Dual BSD/GPL";
