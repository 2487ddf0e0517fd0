// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Tells which process opened or accepted a connection of interest. A connection is known by the sequence numbers of its
 * SYNs, so that it is found again behind any translation of addresses. Whoever cannot be told for certain is not told.
 */
#include <linux/bpf.h>

#include <bpf/bpf_tracing.h>

#include "connection.h"
#include "interest.h"
#include "process.h"

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct opening);
	__type(value, struct process);
} openings SEC(".maps");

/* What is known of a connection that is not yet told. */
struct pending {
	struct opening opening;
	__u32 is_accepted;
	struct process process;
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct pending);
} pendings SEC(".maps");

/* The current task is the one that uses the socket only while a process has it locked: then no packet is worked on, so
 * what runs is no interrupt that has hit a stranger. */
static __always_inline struct task_struct *user(struct sock *sk)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (!sk->sk_lock.owned || task->flags & KERNEL_THREAD)
		return 0;
	return task;
}

static __always_inline void tell(struct pending *pending, struct task_struct *task)
{
	describe(task, &pending->process);
	bpf_map_update_elem(&openings, &pending->opening, &pending->process, BPF_ANY);
}

/* Whoever calls connect() does so with the socket locked; the source port is not yet chosen. */
static __always_inline void connecting(struct sock *sk)
{
	struct task_struct *task = user(sk);
	struct pending *pending;

	if (!task)
		return;
	pending = bpf_sk_storage_get(&pendings, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!pending)
		return;
	pending->opening.side = SIDE_CLIENT;
	describe(task, &pending->process);
}

static __always_inline void connected(struct sock *sk, struct opening *opening)
{
	struct pending *pending = bpf_sk_storage_get(&pendings, sk, 0, 0);
	struct tcp_sock *tcp = (struct tcp_sock *)sk;

	if (!pending)
		return;
	opening->client_sequence = BPF_CORE_READ(tcp, snd_una) - 1;
	opening->server_sequence = BPF_CORE_READ(tcp, rcv_nxt) - 1;
	bpf_map_update_elem(&openings, opening, &pending->process, BPF_ANY);
	bpf_sk_storage_delete(&pendings, sk);
}

/* Nobody has accepted the connection yet: it is told when a process first reads from it. */
static __always_inline void accepted(struct sock *sk, struct opening *opening)
{
	struct pending *pending = bpf_sk_storage_get(&pendings, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	struct tcp_sock *tcp = (struct tcp_sock *)sk;

	if (!pending)
		return;
	pending->is_accepted = 1;
	pending->opening.client_sequence = BPF_CORE_READ(tcp, rcv_nxt) - 1;
	pending->opening.server_sequence = BPF_CORE_READ(tcp, snd_una) - 1;
	pending->opening.side = SIDE_SERVER;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(socket_state, struct sock *sk, int before, int after)
{
	struct opening opening = {};
	struct direction way = {};

	if (after != BPF_TCP_SYN_SENT && after != BPF_TCP_ESTABLISHED)
		return 0;
	if (!outgoing(sk, &way) || !is_of_interest(&way))
		return 0;
	if (after == BPF_TCP_SYN_SENT)
		connecting(sk);
	else if (before == BPF_TCP_SYN_SENT)
		connected(sk, &opening);
	else if (before == BPF_TCP_SYN_RECV)
		accepted(sk, &opening);
	return 0;
}

/* Called whenever a process has read from a socket. */
SEC("tp_btf/tcp_rcv_space_adjust")
int BPF_PROG(socket_read, struct sock *sk)
{
	struct pending *pending = bpf_sk_storage_get(&pendings, sk, 0, 0);
	struct task_struct *task;

	if (!pending || !pending->is_accepted)
		return 0;
	task = user(sk);
	if (task) {
		tell(pending, task);
		bpf_sk_storage_delete(&pendings, sk);
	}
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
