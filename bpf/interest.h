/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Which connections are of interest: those of some ports and those of some addresses. Each program that includes this
 * has maps of its own, which user space fills alike and may change at any time. */
#ifndef OBSERVER_INTEREST_H
#define OBSERVER_INTEREST_H

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "observer.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PORT_WORDS);
	__type(key, __u32);
	__type(value, __u64);
} ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, struct address);
	__type(value, __u32);
} addresses SEC(".maps");

static __always_inline int is_port_of_interest(__be16 port)
{
	__u32 number = bpf_ntohs(port), word = number / 64;
	__u64 *bits = bpf_map_lookup_elem(&ports, &word);

	return bits && *bits >> (number % 64) & 1;
}

static __always_inline int is_of_interest(struct direction *way)
{
	if (is_port_of_interest(way->destination_port) || is_port_of_interest(way->source_port))
		return 1;
	return bpf_map_lookup_elem(&addresses, &way->destination) || bpf_map_lookup_elem(&addresses, &way->source);
}

#endif
