/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* One 16-byte address for both families, and how the hooks' contexts hold it. */
#ifndef WEFT_ADDRESS_H
#define WEFT_ADDRESS_H

#include "tables.h"
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* An address and port as a hook's context has them. */
struct endpoint {
	struct weft_address address;
	__be16 port;
};

static __always_inline int same_address(const struct weft_address *a, const struct weft_address *b)
{
	return a->word[0] == b->word[0] && a->word[1] == b->word[1] && a->word[2] == b->word[2] &&
	       a->word[3] == b->word[3];
}

static __always_inline struct weft_address mapped(__be32 ipv4)
{
	struct weft_address a = {{0, 0, bpf_htonl(0xffff), ipv4}};
	return a;
}

static __always_inline int is_mapped(const struct weft_address *a)
{
	return a->word[0] == 0 && a->word[1] == 0 && a->word[2] == bpf_htonl(0xffff);
}

/* The context's fields want constant offsets, one access of four bytes each. */
static __always_inline struct endpoint read_endpoint4(struct bpf_sock_addr *ctx)
{
	struct endpoint e = {.address = mapped(ctx->user_ip4), .port = (__be16)ctx->user_port};
	return e;
}

static __always_inline struct endpoint read_endpoint6(struct bpf_sock_addr *ctx)
{
	struct endpoint e = {.port = (__be16)ctx->user_port};
	e.address.word[0] = ctx->user_ip6[0];
	e.address.word[1] = ctx->user_ip6[1];
	e.address.word[2] = ctx->user_ip6[2];
	e.address.word[3] = ctx->user_ip6[3];
	return e;
}

static __always_inline void write_endpoint4(struct bpf_sock_addr *ctx, const struct weft_address *a, __be16 port)
{
	ctx->user_ip4 = a->word[3];
	ctx->user_port = port;
}

static __always_inline void write_endpoint6(struct bpf_sock_addr *ctx, const struct weft_address *a, __be16 port)
{
	ctx->user_ip6[0] = a->word[0];
	ctx->user_ip6[1] = a->word[1];
	ctx->user_ip6[2] = a->word[2];
	ctx->user_ip6[3] = a->word[3];
	ctx->user_port = port;
}

#endif
