/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
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

/* Names of a control group and its parents, innermost first, that tell a container and a pod. */
#define GROUP_LEVELS 8
#define GROUP_NAME 128
#define PROCESS_NAME 16
#define EXECUTABLE_NAME 64

/* The process behind one end of a connection. */
struct process {
	__u32 pid;
	__u32 unused;
	__u64 group;
	char name[PROCESS_NAME];
	char executable[EXECUTABLE_NAME];
};

struct group {
	char names[GROUP_LEVELS][GROUP_NAME];
};

enum side {
	SIDE_CLIENT,
	SIDE_SERVER,
};

/* A connection by the sequence numbers of its two SYNs, which no translation of addresses changes; and one end of it.
 */
struct opening {
	__u32 client_sequence;
	__u32 server_sequence;
	__u32 side;
};

/* A connection that a process held when the program began. */
struct holding {
	struct direction way;
	__u32 network_namespace;
	struct process process;
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
_Static_assert(sizeof(struct process) == 96, "shared with user space");
_Static_assert(sizeof(struct group) == 1024, "shared with user space");
_Static_assert(sizeof(struct opening) == 12, "shared with user space");
_Static_assert(sizeof(struct holding) == 136, "shared with user space");

#endif
