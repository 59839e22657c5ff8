// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * Who may reach the gateway's listener in a Pod's namespace: connections that connect() was led there, noted by sockops
 * right before their SYN. Runs where the kernel looks for a listener (5.9), for whatever process made the connection.
 */
#include "count.h"
#include "gateway.h"

static __always_inline int is_admitted(const struct admission_key *key)
{
	struct gateway_port_key port = {.port = key->gateway_port};
	if (!is_gateway_address(&key->gateway) || !bpf_map_lookup_elem(&gateway_ports, &port))
		return 1;
	return bpf_map_lookup_elem(&admissions, key) != 0;
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
	if (is_admitted(&key))
		return SK_PASS;
	count_bound(WEFT_COUNT_GATEWAY_STRANGERS);
	return SK_DROP;
}

char LICENSE[] __weak SEC("license") = "Dual BSD/GPL";
