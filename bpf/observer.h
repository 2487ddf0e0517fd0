/* SPDX-License-Identifier: Apache-2.0 */
/* What the BPF programs and user space share; core/live/src/shared.rs asserts the same sizes. */
#ifndef OBSERVER_H
#define OBSERVER_H

#include <linux/types.h>

/* Words of the bit map of ports: 65,536 bits. */
#define PORT_WORDS 1024

/* An address, IPv4 as ::ffff:a.b.c.d. */
struct address {
	__be32 words[4];
};

/* One direction of a connection. */
struct direction {
	struct address source;
	struct address destination;
	__be16 source_port;
	__be16 destination_port;
};

/* What was counted of one direction; times are those of CLOCK_MONOTONIC. */
struct tally {
	__u64 packets;
	__u64 bytes;
	__u64 first_ns;
	__u64 passed_ns;
	__u32 first_sequence;
	__u32 passed;
	__u32 interface;
	__u32 far_ahead;
};

/* What became of a packet; each packet counts once. */
enum fate {
	FATE_OTHER_INTERFACE,
	FATE_OTHER_TRAFFIC,
	FATE_COUNTED,
	FATE_PASSED,
	FATE_PASSED_UNCOUNTED,
	FATES,
};

_Static_assert(sizeof(struct address) == 16, "shared with user space");
_Static_assert(sizeof(struct direction) == 36, "shared with user space");
_Static_assert(sizeof(struct tally) == 48, "shared with user space");

#endif
