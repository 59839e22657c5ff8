// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * Never loaded: only its BTF is read, to generate agent/tables/layout.gen.ts.
 * A struct or enum that nothing references is dropped from BTF, hence the global.
 */
#include "maps.h"

struct {
	enum weft_protocol protocol;
	enum weft_policy policy;
	enum weft_gateway gateway;
	enum weft_socket_state socket_state;
	enum weft_verdict verdict;
	enum weft_reason reason;
	enum weft_event event;
	enum weft_counter counter;
	struct flow_event flow_event;
} weft_types;
