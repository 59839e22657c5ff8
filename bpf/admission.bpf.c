// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * Who reaches the gateway's listener in a Pod's namespace: connections that connect() was led there, noted by sockops
 * right before their SYN. Runs where the kernel looks for a listener (5.9), for whatever process made the connection.
 *
 * The listener is bound to the one gateway address that names no Service, so without this program nobody reaches it. Bound to
 * all addresses it would be open to other Pods, and bound to lo as well it cannot answer over IPv6: the way back to the
 * client's address is not by lo (ip6_route_output_flags is strict for a bound socket).
 */
#include "count.h"
#include "gateway.h"

/* Drops what was not led to the gateway's listener; what is for another one is not looked at. */
static __always_inline int admit(struct bpf_sk_lookup *ctx, const struct admission_key *key)
{
	struct gateway_listener_key at = {.port = key->gateway_port, .six = ctx->family == AF_INET6};
	if (!is_gateway_address(&key->gateway))
		return SK_PASS;
	struct bpf_sock *listener = bpf_map_lookup_elem(&gateway_listeners, &at);
	if (!listener)
		return SK_PASS;
	int verdict = SK_DROP;
	if (bpf_map_lookup_elem(&admissions, key) && !bpf_sk_assign(ctx, listener, 0))
		verdict = SK_PASS;
	bpf_sk_release(listener);
	if (verdict == SK_DROP)
		count_bound(WEFT_COUNT_GATEWAY_STRANGERS);
	return verdict;
}

SEC("sk_lookup")
int weft_admission(struct bpf_sk_lookup *ctx)
{
	struct admission_key key = {
		.gateway_port = bpf_htons(ctx->local_port),
		.client_port = (__be16)ctx->remote_port,
	};
	if (ctx->protocol != WEFT_TCP)
		return SK_PASS;
	if (ctx->family == AF_INET) {
		key.gateway = mapped(ctx->local_ip4);
		key.client = mapped(ctx->remote_ip4);
	} else {
		key.gateway.word[0] = ctx->local_ip6[0];
		key.gateway.word[1] = ctx->local_ip6[1];
		key.gateway.word[2] = ctx->local_ip6[2];
		key.gateway.word[3] = ctx->local_ip6[3];
		key.client.word[0] = ctx->remote_ip6[0];
		key.client.word[1] = ctx->remote_ip6[1];
		key.client.word[2] = ctx->remote_ip6[2];
		key.client.word[3] = ctx->remote_ip6[3];
	}
	return admit(ctx, &key);
}

char LICENSE[] __weak SEC("license") = "Dual BSD/GPL";
