/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The addresses and ports of a socket. */
#ifndef OBSERVER_CONNECTION_H
#define OBSERVER_CONNECTION_H

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "kernel.h"
#include "observer.h"

#define AF_INET 2
#define AF_INET6 10
#define IPPROTO_TCP 6

/* What the socket sends, seen as on the wire before any translation; false where it is no TCP. */
static __always_inline int outgoing(struct sock *sk, struct direction *way)
{
	struct sock_common *common = &sk->__sk_common;
	__u16 family = common->skc_family;

	if (sk->sk_protocol != IPPROTO_TCP)
		return 0;
	if (family == AF_INET) {
		way->source.words[2] = way->destination.words[2] = bpf_htonl(0xffff);
		way->source.words[3] = common->skc_rcv_saddr;
		way->destination.words[3] = common->skc_daddr;
	} else if (family == AF_INET6) {
		BPF_CORE_READ_INTO(&way->source, sk, __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(&way->destination, sk, __sk_common.skc_v6_daddr);
	} else {
		return 0;
	}
	way->source_port = bpf_htons(common->skc_num);
	way->destination_port = common->skc_dport;
	return 1;
}

#endif
