// SPDX-License-Identifier: Apache-2.0
/* A socket filter that counts every packet of the connections of interest and hands over only what tells what they
 * are: SYN, FIN and RST, the first bytes of each direction, and now and then one packet as a sign of life. It reads
 * no payload. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <stddef.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "interest.h"
#include "observer.h"

#define LOOPBACK_INTERFACE 1
#define FRAGMENT_OFFSET 0x1fff
#define FIN_SYN_RST 0x07
#define SYN 0x02
/* Ethernet and two VLAN tags: what may stand before the network header. */
#define LINK_BYTES (ETH_HLEN + 8)
/* Beyond it a sequence number says no more how far a direction has come. */
#define FAR_AHEAD (1U << 30)
#define MAX_TAGS 2
#define VLAN_TCI_BYTES 2
#define MAX_EXTENSIONS 3

/* Payload bytes of each direction that are handed over, and in how many packets at most. */
const volatile __u32 payload_bytes = 64 * 1024;
const volatile __u32 payload_packets = 128;
/* A direction that was silent towards user space for so long is heard again. */
const volatile __u64 heartbeat_ns = 60000000000ULL;
const volatile __u32 all_interfaces = 1;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u32);
} interfaces SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 131072);
	__type(key, struct direction);
	__type(value, struct tally);
} tallies SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, FATES);
	__type(key, __u32);
	__type(value, __u64);
} fates SEC(".maps");

struct segment {
	struct direction way;
	__u32 headers;
	__u32 payload;
	__u32 sequence;
	__u8 flags;
};

/* A place in a packet: so many bytes after the start of a header. */
struct cursor {
	enum bpf_hdr_start_off header;
	__u32 at;
};

static __always_inline long load(struct __sk_buff *skb, struct cursor *cursor, void *to, __u32 length)
{
	return bpf_skb_load_bytes_relative(skb, cursor->at, to, length, cursor->header);
}

static __always_inline int settle(__u32 fate, __u32 snap_length)
{
	__u64 *count = bpf_map_lookup_elem(&fates, &fate);

	if (count)
		*count += 1;
	return snap_length;
}

static __always_inline int is_tag(__be16 kind)
{
	return kind == bpf_htons(ETH_P_8021Q) || kind == bpf_htons(ETH_P_8021AD);
}

/* Which network protocol the packet is of, and where. Tags are no longer in the frame, as a rule; those that are stand
 * behind an Ethernet header, and the network header may begin before or behind them. */
static __always_inline __be16 network(struct __sk_buff *skb, struct cursor *cursor)
{
	__be16 kind = skb->protocol;

	if (!is_tag(kind))
		return kind;
	cursor->header = BPF_HDR_START_MAC;
	cursor->at = offsetof(struct ethhdr, h_proto);
	for (int tags = 0; tags <= MAX_TAGS; tags++) {
		if (load(skb, cursor, &kind, sizeof(kind)))
			return 0;
		cursor->at += sizeof(kind);
		if (!is_tag(kind))
			return kind;
		cursor->at += VLAN_TCI_BYTES;
	}
	return 0;
}

/* Reads the IP and TCP headers in one step, as they almost always stand together. The result is the length of the
 * packet behind its IP header, or 0 where no TCP header follows. */
static __always_inline __u32 ipv4(struct __sk_buff *skb, struct cursor *cursor, struct direction *way,
				  struct tcphdr *tcp)
{
	struct {
		struct iphdr ip;
		struct tcphdr tcp;
	} both;
	__u32 header;

	if (load(skb, cursor, &both, sizeof(both)) || both.ip.protocol != IPPROTO_TCP)
		return 0;
	if (both.ip.frag_off & bpf_htons(FRAGMENT_OFFSET))
		return 0;
	way->source.words[2] = way->destination.words[2] = bpf_htonl(0xffff);
	way->source.words[3] = both.ip.saddr;
	way->destination.words[3] = both.ip.daddr;
	header = both.ip.ihl * 4;
	cursor->at += header;
	*tcp = both.tcp;
	if (header != sizeof(both.ip) && load(skb, cursor, tcp, sizeof(*tcp)))
		return 0;
	/* A length of 0 leaves it to the card to cut the packet. */
	return both.ip.tot_len ? bpf_ntohs(both.ip.tot_len) - header : skb->len;
}

static __always_inline __u32 ipv6(struct __sk_buff *skb, struct cursor *cursor, struct direction *way,
				  struct tcphdr *tcp)
{
	struct ipv6_opt_hdr extension;
	__u32 start, next;
	struct {
		struct ipv6hdr ip;
		struct tcphdr tcp;
	} both;

	if (load(skb, cursor, &both, sizeof(both)))
		return 0;
	__builtin_memcpy(&way->source, &both.ip.saddr, sizeof(way->source));
	__builtin_memcpy(&way->destination, &both.ip.daddr, sizeof(way->destination));
	*tcp = both.tcp;
	start = cursor->at += sizeof(both.ip);
	next = both.ip.nexthdr;
	for (int i = 0; i < MAX_EXTENSIONS && next != IPPROTO_TCP; i++) {
		if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_DSTOPTS)
			return 0;
		if (load(skb, cursor, &extension, sizeof(extension)))
			return 0;
		cursor->at += (extension.hdrlen + 1) * 8;
		next = extension.nexthdr;
	}
	if (next != IPPROTO_TCP || (cursor->at != start && load(skb, cursor, tcp, sizeof(*tcp))))
		return 0;
	return both.ip.payload_len ? bpf_ntohs(both.ip.payload_len) - (cursor->at - start) : skb->len;
}

static __always_inline int read(struct __sk_buff *skb, struct segment *segment)
{
	struct cursor cursor = {.header = BPF_HDR_START_NET};
	__be16 kind = network(skb, &cursor);
	struct direction *way = &segment->way;
	__u32 header, length = 0;
	struct tcphdr tcp;

	if (kind == bpf_htons(ETH_P_IP))
		length = ipv4(skb, &cursor, way, &tcp);
	else if (kind == bpf_htons(ETH_P_IPV6))
		length = ipv6(skb, &cursor, way, &tcp);
	if (!length)
		return 0;
	header = tcp.doff * 4;
	way->source_port = tcp.source;
	way->destination_port = tcp.dest;
	segment->headers = cursor.at + header;
	segment->payload = length > header ? length - header : 0;
	segment->sequence = bpf_ntohl(tcp.seq);
	segment->flags = ((__u8 *)&tcp)[13];
	return 1;
}

/* The tally of a packet's direction; a SYN of another connection begins it anew. */
static __always_inline struct tally *tally(struct __sk_buff *skb, struct segment *segment, __u64 now)
{
	struct tally *known = bpf_map_lookup_elem(&tallies, &segment->way);
	int opens = !!(segment->flags & SYN);
	__u32 first = segment->sequence + opens;
	struct tally fresh = {.first_ns = now, .first_sequence = first, .interface = skb->ifindex};

	if (known && !(opens && known->first_sequence != first))
		return known;
	bpf_map_update_elem(&tallies, &segment->way, &fresh, BPF_ANY);
	return bpf_map_lookup_elem(&tallies, &segment->way);
}

/* How much of a packet's payload is handed over. */
static __always_inline __u32 wanted(struct tally *tally, struct segment *segment)
{
	__u32 offset = segment->sequence - tally->first_sequence;

	if (!segment->payload || tally->far_ahead || tally->passed >= payload_packets)
		return 0;
	if (offset >= FAR_AHEAD && offset < 2 * FAR_AHEAD)
		tally->far_ahead = 1;
	return offset < payload_bytes ? payload_bytes - offset : 0;
}

SEC("socket")
int select_packets(struct __sk_buff *skb)
{
	__u32 interface = skb->ifindex, length;
	struct segment segment = {};
	struct tally *count;
	__u64 now;

	/* What the loopback interface sends it also receives. */
	if (interface == LOOPBACK_INTERFACE && skb->pkt_type == PACKET_OUTGOING)
		return settle(FATE_OTHER_INTERFACE, 0);
	if (!all_interfaces && !bpf_map_lookup_elem(&interfaces, &interface))
		return settle(FATE_OTHER_INTERFACE, 0);
	if (!read(skb, &segment) || !is_of_interest(&segment.way))
		return settle(FATE_OTHER_TRAFFIC, 0);

	now = bpf_ktime_get_coarse_ns();
	count = tally(skb, &segment, now);
	if (!count)
		return settle(FATE_PASSED_UNCOUNTED, LINK_BYTES + segment.headers + payload_bytes);
	/* A packet that passes a bridge and its ports is one packet. */
	if (count->interface == interface) {
		__sync_fetch_and_add(&count->packets, 1);
		__sync_fetch_and_add(&count->bytes, segment.payload);
	}
	length = wanted(count, &segment);
	if (!length && !(segment.flags & FIN_SYN_RST) && now - count->passed_ns < heartbeat_ns)
		return settle(FATE_COUNTED, 0);
	if (length)
		count->passed += 1;
	count->passed_ns = now;
	return settle(FATE_PASSED, LINK_BYTES + segment.headers + length);
}

char LICENSE[] SEC("license") = "Apache-2.0";
