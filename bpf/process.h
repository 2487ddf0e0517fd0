/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Describes a task: its process, and the names of its control group for user space to read a container and a pod in. */
#ifndef OBSERVER_PROCESS_H
#define OBSERVER_PROCESS_H

#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "kernel.h"
#include "observer.h"

#define KERNEL_THREAD 0x00200000
/* Numbers of control groups are small: what they leave free tells the hierarchy. */
#define HIERARCHY_SHIFT 56

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 2048);
	__type(key, __u64);
	__type(value, struct group);
} groups SEC(".maps");

/* A group has no place on the stack. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct group);
} fresh_group SEC(".maps");

static __always_inline struct kernfs_node *parent(struct kernfs_node *node)
{
	struct kernfs_node___protected *newer = (void *)node;

	if (bpf_core_field_exists(newer->__parent))
		return BPF_CORE_READ(newer, __parent);
	return BPF_CORE_READ(node, parent);
}

/* The control group that containers are made of: that of the memory controller where it has a hierarchy of its own
 * (version 1) and the task is not at its root, else the one of version 2. */
static __always_inline struct cgroup *control_group(struct task_struct *task)
{
	struct css_set *set = BPF_CORE_READ(task, cgroups);
	struct cgroup_subsys_state *memory = 0;

	if (!bpf_core_enum_value_exists(enum cgroup_subsys_id, memory_cgrp_id))
		return BPF_CORE_READ(set, dfl_cgrp);
	bpf_core_read(&memory, sizeof(memory),
		      &set->subsys[0] + bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id));
	if (memory && BPF_CORE_READ(memory, cgroup, root, hierarchy_id) && parent(BPF_CORE_READ(memory, cgroup, kn)))
		return BPF_CORE_READ(memory, cgroup);
	return BPF_CORE_READ(set, dfl_cgrp);
}

static __always_inline void remember_group(__u64 key, struct kernfs_node *node)
{
	__u32 zero = 0;
	struct group *group = bpf_map_lookup_elem(&fresh_group, &zero);

	if (!group)
		return;
	for (int level = 0; level < GROUP_LEVELS; level++) {
		group->names[level][0] = 0;
		if (!node)
			continue;
		bpf_probe_read_kernel_str(group->names[level], GROUP_NAME, BPF_CORE_READ(node, name));
		node = parent(node);
	}
	bpf_map_update_elem(&groups, &key, group, BPF_ANY);
}

static __always_inline __u64 group_of(struct task_struct *task)
{
	struct cgroup *group = control_group(task);
	__u64 key = (__u64)BPF_CORE_READ(group, root, hierarchy_id) << HIERARCHY_SHIFT | BPF_CORE_READ(group, kn, id);

	if (!bpf_map_lookup_elem(&groups, &key))
		remember_group(key, BPF_CORE_READ(group, kn));
	return key;
}

static __always_inline void describe(struct task_struct *task, struct process *process)
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);

	process->pid = BPF_CORE_READ(task, tgid);
	process->group = group_of(task);
	bpf_probe_read_kernel_str(process->name, PROCESS_NAME, leader->comm);
	bpf_probe_read_kernel_str(process->executable, EXECUTABLE_NAME,
				  BPF_CORE_READ(task, mm, exe_file, f_path.dentry, d_name.name));
}

#endif
