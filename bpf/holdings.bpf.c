// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Lists the TCP connections that processes hold now, for those that were open before anybody watched. */
#include <linux/bpf.h>

#include <bpf/bpf_tracing.h>

#include "connection.h"
#include "process.h"

SEC("iter/task_file")
int list_holdings(struct bpf_iter__task_file *context)
{
	struct task_struct *task = context->task;
	struct file *file = context->file;
	struct holding holding = {};
	struct socket *socket;
	struct sock *sk;

	if (!task || !file)
		return 0;
	socket = bpf_sock_from_file(file);
	if (!socket)
		return 0;
	sk = socket->sk;
	if (!sk || sk->__sk_common.skc_state != BPF_TCP_ESTABLISHED || !outgoing(sk, &holding.way))
		return 0;
	holding.network_namespace = sk->__sk_common.skc_net.net->ns.inum;
	describe(task, &holding.process);
	bpf_seq_write(context->meta->seq, &holding, sizeof(holding));
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
