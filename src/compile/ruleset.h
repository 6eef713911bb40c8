/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ruleset.h - the ruleset IR: what the kernel's tables are to hold.
 *
 * The compiler makes it, the firewall backend puts it into force, the printer
 * writes it as nft text. It speaks nftables' language (tables, chains, sets,
 * statements) and nothing of policies.
 *
 * Chains and sets are immutable and shared by reference count: a new ruleset
 * holds the same objects wherever nothing changed, so a diff compares pointers
 * first. Names carry a content hash, except the fixed ones.
 */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macro.h"

/** Longest name with its NUL: well under the kernel's NFT_NAME_MAXLEN. */
#define RULESET_NAME 40

/** NFLOG groups: of denied packets, and of name servers' answers. */
#define RULESET_NFLOG_DENIED  2748
#define RULESET_NFLOG_ANSWERS 2749

/** A table of ours: "inet bulkhead" and "bridge bulkhead". */
enum ruleset_table { TABLE_INET, TABLE_BRIDGE, TABLE_COUNT };
#define RULESET_TABLE_NAME "bulkhead"

/* ---- what a packet is asked for ---------------------------------------- */

/** nft's data types, as set keys are made of. */
enum ruleset_type {
	TYPE_IPV4,	/* ipv4_addr, 4 bytes, network order */
	TYPE_IPV6,	/* ipv6_addr, 16 bytes */
	TYPE_ETHER,	/* ether_addr, 6 bytes */
	TYPE_SERVICE,	/* inet_service, 2 bytes, network order */
	TYPE_PROTO,	/* inet_proto, 1 byte */
	TYPE_IFNAME,	/* ifname, 16 bytes, zero-padded */
	TYPE_ETHERTYPE, /* ether_type, 2 bytes, network order */
	TYPE_NFPROTO,	/* nf_proto, 1 byte */
	TYPE_CT_STATE,	/* ct_state, 4 bytes, host order bit mask */
	TYPE_CT_DIR,	/* ct_dir, 1 byte */
	TYPE_CT_STATUS, /* ct_status, 4 bytes, host order bit mask */
	TYPE_TCP_FLAGS, /* tcp_flag, 1 byte */
	TYPE_ICMP,	/* icmp_type, 1 byte */
	TYPE_ICMPV6,	/* icmpv6_type, 1 byte */
	TYPE_FIB_TYPE,	/* fib_addrtype, 4 bytes, host order */
	TYPE_PKTTYPE,	/* pkt_type, 1 byte */
	TYPE_ARP_OP,	/* arp_op, 2 bytes, network order */
	TYPE_BYTE,	/* integer of a raw payload byte */
};

/** A value loaded from the packet, its conntrack entry or its path.
 *  Payload fields are preceded in the rule by the match that makes them
 *  meaningful (meta nfproto, meta l4proto, ether type): rules say so
 *  themselves, nothing is implied. */
enum field {
	FIELD_IIFNAME,	/* meta iifname */
	FIELD_OIFNAME,	/* meta oifname */
	FIELD_NFPROTO,	/* meta nfproto */
	FIELD_L4PROTO,	/* meta l4proto */
	FIELD_PROTOCOL, /* meta protocol (ethertype) */
	FIELD_PKTTYPE,	/* meta pkttype */
	FIELD_IP_SADDR,
	FIELD_IP_DADDR,
	FIELD_IP6_SADDR,
	FIELD_IP6_DADDR,
	FIELD_IP6_NEXTHDR,
	FIELD_IP6_NEXTHDR2, /* the same of its first extension header */
	FIELD_IP6_HOPLIMIT,
	FIELD_TH_SPORT, /* TCP, UDP and SCTP alike */
	FIELD_TH_DPORT,
	FIELD_TCP_FLAGS,
	FIELD_SCTP_CHUNK, /* type of the first chunk, @th,96,8 */
	FIELD_ICMP_TYPE,
	FIELD_IGMP_TYPE,
	FIELD_ICMPV6_TYPE,
	FIELD_CT_STATE,
	FIELD_CT_DIRECTION,
	FIELD_CT_STATUS,
	FIELD_CT_ORIG_IP_SADDR, /* ct original ip saddr */
	FIELD_CT_ORIG_IP6_SADDR,
	FIELD_CT_ORIG_IP_DADDR, /* ct original ip daddr: before DNAT */
	FIELD_CT_ORIG_IP6_DADDR,
	FIELD_CT_REPL_IP_SADDR, /* ct reply ip saddr */
	FIELD_CT_REPL_IP6_SADDR,
	FIELD_FIB_DADDR_TYPE, /* fib daddr type */
	FIELD_ETHER_SADDR,
	FIELD_ETHER_DADDR,
	FIELD_ETHER_TYPE, /* ether type, of the frame itself */
	FIELD_ARP_OP,
	FIELD_ARP_SADDR_ETHER,
	FIELD_ARP_SADDR_IP,
	FIELD_ARP_DADDR_IP,
	FIELD_ND_TARGET,    /* @th,64,128: target of a neighbour message */
	FIELD_CT_PROTO_DST, /* ct original proto-dst */
	FIELD_COUNT,
};

struct field_info {
	const char *name; /* in nft's language: "ip saddr" */
	enum ruleset_type type;
	uint8_t len; /* bytes */
};

const struct field_info *field_info(enum field field);

struct type_info {
	const char *name; /* nft's: "ipv4_addr" */
	uint32_t id;	  /* nft's number, in set declarations: TYPE_* of
			     nftables' include/datatype.h */
	uint8_t len;	  /* bytes */
	bool host_order;  /* an integer in the host's byte order */
};

const struct type_info *type_info(enum ruleset_type type);

/* ---- verdicts and statements ------------------------------------------- */

enum verdict_kind {
	VERDICT_ACCEPT,
	VERDICT_DROP,
	VERDICT_RETURN,
	VERDICT_CONTINUE,
	VERDICT_JUMP,
	VERDICT_GOTO
};

struct verdict {
	enum verdict_kind kind;
	char chain[RULESET_NAME]; /* of JUMP and GOTO */
};

#define FIELDS_MAX 5

/** Fields that together are the key of a set, in its order. */
struct field_list {
	uint8_t n;
	uint8_t fields[FIELDS_MAX]; /* enum field */
};

enum stmt_kind {
	STMT_MATCH,   /* field (& mask) == or != value */
	STMT_LOOKUP,  /* fields are, or are not, in the set */
	STMT_VMAP,    /* verdict of the fields in the map; a miss goes on */
	STMT_UPDATE,  /* add the fields to a dynamic set, or refresh them */
	STMT_COUNTER, /* a named counter, or the rule's own */
	STMT_LOG,     /* to a RULESET_NFLOG_ group */
	STMT_REJECT,  /* icmpx admin-prohibited, or TCP reset */
	STMT_VERDICT,
};

struct stmt {
	enum stmt_kind kind;
	union {
		struct {
			uint8_t field;
			bool negate;
			bool masked;
			uint8_t value[16]; /* field's length and order */
			uint8_t mask[16];
		} match;
		struct {
			struct field_list key;
			bool negate;
			char set[RULESET_NAME];
		} lookup;
		struct {
			struct field_list key;
			char map[RULESET_NAME];
		} vmap;
		struct {
			struct field_list key;
			char set[RULESET_NAME];
			uint32_t timeout_ms; /* 0: the set's own */
			bool refresh;	     /* nft's update; false: its add */
			bool counter;	     /* elements carry a counter */
			/* Elements carry a bucket: the rule goes on only for
			 * a packet that finds it empty. 0: they do not. */
			uint32_t rate; /* packets a second */
			uint32_t burst;
		} update;
		struct {
			char name[RULESET_NAME]; /* "": the rule's own */
		} counter;
		struct {
			char prefix[64];
			uint32_t snaplen;
			uint16_t group;
		} log;
		struct {
			bool tcp_reset;
		} reject;
		struct verdict verdict;
	};
};

struct ruleset_rule {
	char *comment; /* NULL: none */
	size_t n;
	struct stmt *stmts;
};

/* ---- chains, sets, counters -------------------------------------------- */

enum ruleset_hook {
	HOOK_NONE,
	HOOK_PREROUTING,
	HOOK_INPUT,
	HOOK_FORWARD,
	HOOK_OUTPUT,
	HOOK_POSTROUTING
};

struct ruleset_chain {
	unsigned refs;
	char name[RULESET_NAME];
	char *comment; /* names the policies; NULL: none */
	enum ruleset_hook hook;
	int priority;	  /* of a base chain, which accepts by default */
	bool policy_drop; /* … unless this is set */
	size_t n;
	struct ruleset_rule *rules;
};

enum {
	SET_INTERVAL = 1, /* elements are ranges of a single field */
	SET_VMAP = 2,	  /* elements carry a verdict */
	SET_DYNAMIC = 4,  /* filled by the packet path: content not ours */
};

struct ruleset_set {
	unsigned refs;
	char name[RULESET_NAME];
	char *comment;
	unsigned flags;
	uint8_t nfields;
	uint8_t types[FIELDS_MAX]; /* enum ruleset_type */
	uint32_t timeout_ms;	   /* of a dynamic set's elements */
	uint32_t size;		   /* bound of a dynamic set */
	bool counter;		   /* a dynamic set's elements count */
	/* Bytes of a key: each field padded to four, as nft lays them out. */
	uint8_t key_len;
	size_t n;
	/* @n keys, or @n pairs (first, last; both included) of an interval
	 * set; sorted by memcmp, unique, ranges disjoint. */
	uint8_t *keys;
	struct verdict *verdicts; /* @n, of SET_VMAP */
};

/** Chains, sets and named counters of one table, each sorted by name. */
struct ruleset_part {
	size_t nchains, nsets, ncounters;
	struct ruleset_chain **chains;
	struct ruleset_set **sets;
	char (*counters)[RULESET_NAME];
};

/** Both tables. A table with neither chains nor sets is not made at all. */
struct ruleset {
	unsigned refs;
	struct ruleset_part parts[TABLE_COUNT];
};

struct ruleset *ruleset_ref(struct ruleset *r);
void ruleset_unref(struct ruleset *r);
DEFINE_FREEP(struct ruleset, ruleset_unref)

struct ruleset_chain *ruleset_chain_ref(struct ruleset_chain *c);
void ruleset_chain_unref(struct ruleset_chain *c);
DEFINE_FREEP(struct ruleset_chain, ruleset_chain_unref)

struct ruleset_set *ruleset_set_ref(struct ruleset_set *s);
void ruleset_set_unref(struct ruleset_set *s);
DEFINE_FREEP(struct ruleset_set, ruleset_set_unref)

/** By name, or NULL. */
struct ruleset_chain *ruleset_find_chain(const struct ruleset *r,
					 enum ruleset_table table,
					 const char *name);
struct ruleset_set *ruleset_find_set(const struct ruleset *r,
				     enum ruleset_table table,
				     const char *name);

/** Same content (names included). */
bool ruleset_chain_equal(const struct ruleset_chain *a,
			 const struct ruleset_chain *b);
/** Same declaration: everything but the elements. */
bool ruleset_set_same_type(const struct ruleset_set *a,
			   const struct ruleset_set *b);
/** The same declaration and the same elements. */
bool ruleset_set_equal(const struct ruleset_set *a,
		       const struct ruleset_set *b);
