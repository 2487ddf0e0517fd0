// floor.c - practical lower bound: mmap a classic pcap or pcapng, walk record headers, touch Eth/IPv4/TCP headers.
// mode w: walk + headers only; mode f: + 5-tuple flow table (open addressing) with packet/byte counts and TCP flags;
// mode t: f + look for TLS ClientHello/ServerHello/Certificate, SSH banner, HTTP method in the first payload bytes (no
// parse) mode r: like f but read(2) into a 1 MiB buffer rather than mmap (sequential, no page faults on the file)
#define _GNU_SOURCE
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <arpa/inet.h>
typedef struct {
	uint32_t a, b;
	uint32_t pp;
	uint32_t used;
	uint64_t pk[2], by[2];
	uint32_t first, last;
	uint8_t fl[2], kind;
	uint8_t pad[5];
} flow; // 64 B
static flow *tab;
static uint64_t cap, mask, nflows;
static void grow(void);
static inline uint64_t hsh(uint32_t a, uint32_t b, uint32_t pp)
{
	uint64_t h = ((uint64_t)a << 32 | b) * 0x9E3779B97F4A7C15ull;
	h ^= h >> 29;
	h += pp;
	h *= 0xBF58476D1CE4E5B9ull;
	return h ^ (h >> 32);
}
static inline flow *look(uint32_t a, uint32_t b, uint32_t pp)
{
	uint64_t i = hsh(a, b, pp) & mask;
	while (tab[i].used) {
		if (tab[i].a == a && tab[i].b == b && tab[i].pp == pp)
			return &tab[i];
		i = (i + 1) & mask;
	}
	if (nflows * 2 >= cap) {
		grow();
		return look(a, b, pp);
	}
	flow *f = &tab[i];
	f->a = a;
	f->b = b;
	f->pp = pp;
	f->used = 1;
	nflows++;
	return f;
}
static void grow(void)
{
	flow *o = tab;
	uint64_t oc = cap;
	cap = cap ? cap * 2 : 4096;
	mask = cap - 1;
	tab = calloc(cap, sizeof(flow));
	nflows = 0;
	for (uint64_t k = 0; k < oc; k++)
		if (o[k].used) {
			flow *f = look(o[k].a, o[k].b, o[k].pp);
			*f = o[k];
		}
	free(o);
}
static uint64_t np, ntcp, nby, sel, kinds[8];
static int mode;
static inline void pkt(const uint8_t *p, uint32_t n, uint32_t orig, uint32_t ts)
{
	np++;
	nby += orig;
	if (n < 34)
		return;
	uint16_t et;
	memcpy(&et, p + 12, 2);
	if (et != htons(0x0800))
		return;
	const uint8_t *ip = p + 14;
	unsigned ihl = (ip[0] & 15) * 4;
	if (ip[9] != 6 || n < 14 + ihl + 20)
		return;
	ntcp++;
	const uint8_t *t = ip + ihl;
	uint32_t a, b, pp;
	memcpy(&a, ip + 12, 4);
	memcpy(&b, ip + 16, 4);
	memcpy(&pp, t, 4);
	uint16_t sp = ntohs(pp & 0xffff), dp = ntohs(pp >> 16);
	if (sp == 10250 || dp == 10250)
		sel++;
	if (mode == 'w')
		return;
	int d = 0;
	if (a > b || (a == b && sp > dp)) {
		uint32_t x = a;
		a = b;
		b = x;
		pp = (pp << 16) | (pp >> 16);
		d = 1;
	}
	flow *f = look(a, b, pp);
	f->pk[d]++;
	f->by[d] += orig;
	f->fl[d] |= t[13];
	f->last = ts;
	if (mode == 't') {
		unsigned hl = (t[12] >> 4) * 4;
		uint16_t tl;
		memcpy(&tl, ip + 2, 2);
		int pl = (int)ntohs(tl) - (int)ihl - (int)hl;
		if (pl >= 6 && f->pk[d] < 8) {
			const uint8_t *q = t + hl;
			if (q + 6 <= p + n) {
				int k = 0;
				if (q[0] == 0x16 && q[1] == 3)
					k = q[5] == 1 ? 1 : q[5] == 2 ? 2 : 0;
				else if (!memcmp(q, "SSH-", 4))
					k = 3;
				else if (!memcmp(q, "GET ", 4) || !memcmp(q, "POST", 4) || !memcmp(q, "PRI ", 4))
					k = 4;
				if (k) {
					kinds[k]++;
					f->kind |= 1 << k;
				}
			}
		}
	}
}
// mode p: like f, but packets are handled in batches of 32: hash + prefetch pass, then update pass (hides flow-table
// cache misses)
typedef struct {
	uint32_t a, b, pp, orig, ts;
	uint8_t d, fl;
	uint64_t h;
} pend;
static pend pb[64];
static int pn;
static void drain(void)
{
	for (int i = 0; i < pn; i++) {
		pend *q = &pb[i];
		flow *f = look(q->a, q->b, q->pp);
		f->pk[q->d]++;
		f->by[q->d] += q->orig;
		f->fl[q->d] |= q->fl;
		f->last = q->ts;
	}
	pn = 0;
}
static inline void pktp(const uint8_t *p, uint32_t n, uint32_t orig, uint32_t ts)
{
	np++;
	nby += orig;
	if (n < 34)
		return;
	uint16_t et;
	memcpy(&et, p + 12, 2);
	if (et != htons(0x0800))
		return;
	const uint8_t *ip = p + 14;
	unsigned ihl = (ip[0] & 15) * 4;
	if (ip[9] != 6 || n < 14 + ihl + 20)
		return;
	ntcp++;
	const uint8_t *t = ip + ihl;
	uint32_t a, b, pp;
	memcpy(&a, ip + 12, 4);
	memcpy(&b, ip + 16, 4);
	memcpy(&pp, t, 4);
	uint16_t sp = ntohs(pp & 0xffff), dp = ntohs(pp >> 16);
	int d = 0;
	if (a > b || (a == b && sp > dp)) {
		uint32_t x = a;
		a = b;
		b = x;
		pp = (pp << 16) | (pp >> 16);
		d = 1;
	}
	pend *q = &pb[pn++];
	*q = (pend){a, b, pp, orig, ts, d, t[13], 0};
	__builtin_prefetch(&tab[hsh(a, b, pp) & mask], 1);
	if (pn == 32)
		drain();
}
int main(int c, char **v)
{
	mode = c > 2 ? v[2][0] : 'w';
	int rd = mode == 'r';
	if (rd)
		mode = 'f';
	int fd = open(v[1], O_RDONLY);
	struct stat st;
	fstat(fd, &st);
	grow();
	if (rd) {
		size_t B = 1 << 20;
		uint8_t *buf = malloc(B + 65536 * 8);
		size_t have = 0;
		ssize_t k;
		size_t off = 24;
		read(fd, buf, 24);
		off = 0;
		while ((k = read(fd, buf + have, B)) > 0) {
			have += k;
			off = 0;
			while (off + 16 <= have) {
				uint32_t h[4];
				memcpy(h, buf + off, 16);
				if (off + 16 + h[2] > have)
					break;
				pkt(buf + off + 16, h[2], h[3], h[0]);
				off += 16 + h[2];
			}
			memmove(buf, buf + off, have - off);
			have -= off;
		}
	} else {
		const uint8_t *m = mmap(0, st.st_size, PROT_READ, MAP_PRIVATE | (c > 3 ? MAP_POPULATE : 0), fd, 0),
			      *e = m + st.st_size;
		madvise((void *)m, st.st_size, MADV_SEQUENTIAL);
		uint32_t magic;
		memcpy(&magic, m, 4);
		if (magic == 0xa1b2c3d4 || magic == 0xa1b23c4d) {
			const uint8_t *p = m + 24;
			while (p + 16 <= e) {
				uint32_t h[4];
				memcpy(h, p, 16);
				if (p + 16 + h[2] > e)
					break;
				if (mode == 'p')
					pktp(p + 16, h[2], h[3], h[0]);
				else
					pkt(p + 16, h[2], h[3], h[0]);
				p += 16 + h[2];
			}
			drain();
		} else {
			const uint8_t *p = m;
			while (p + 12 <= e) {
				uint32_t h[7];
				memcpy(h, p, 8);
				if (h[1] < 12 || p + h[1] > e)
					break;
				if (h[0] == 6) {
					memcpy(h, p, 28);
					pkt(p + 28, h[5], h[6], h[4]);
				}
				p += h[1];
			}
		}
	}
	printf("packets=%lu tcp=%lu bytes=%lu port10250=%lu flows=%lu ch=%lu sh=%lu ssh=%lu http=%lu\n", np, ntcp, nby,
	       sel, nflows, kinds[1], kinds[2], kinds[3], kinds[4]);
}
