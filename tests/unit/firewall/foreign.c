/* SPDX-License-Identifier: GPL-2.0-or-later */
/* foreign.c - others' base chains before ours, as nft and iptables make them. */
#include "host.h"

struct found {
	struct buf text;
};

static void on_foreign(void *arg, const struct firewall_foreign *f)
{
	static const char *const acts[] = { "accepts", "untracks",
					    "redirects" };
	struct found *found = arg;

	buf_addf(&found->text, "%s %s %s %s %d %s\n", f->family, f->table,
		 f->chain, f->hook, f->priority, acts[f->act]);
}

/* What is told after @commands, by each line of nft. */
static void tells(const char *commands, const char *want)
{
	struct found found = { .text = BUF_INIT(BUF_UNBOUNDED) };
	struct firewall *fw = open_firewall(false);

	run_ok("nft flush ruleset");
	run_ok(commands);
	assert_int_equal(firewall_foreign(fw, on_foreign, &found), 0);
	assert_string_equal(buf_str(&found.text), want);
	buf_fini(&found.text);
	firewall_close(fw);
}

#define CHAIN(name, type, hook, priority)                       \
	"add chain inet t " name " '{ type " type " hook " hook \
	" priority " priority "; }'"
#define NFT(line) "nft " line " && "

static void test_accepts(_unused_ void **state)
{
	static const char table[] = "inet t early forward -100 accepts\n";

	tells(NFT("add table inet t") NFT(CHAIN(
		      "early", "filter", "forward",
		      "-100")) "nft add rule inet t early tcp dport 80 accept",
	      table);
	/* Through another chain. */
	tells(NFT("add table inet t") NFT(
		      CHAIN("early", "filter", "forward",
			    "-100")) NFT("add chain inet t user")
		      NFT("add rule inet t user accept") "nft add rule inet t early tcp dport 80 jump user",
	      table);
	/* Nothing leads to it. */
	tells(NFT("add table inet t") NFT(
		      CHAIN("early", "filter", "forward", "-100"))
		      NFT("add chain inet t user") "nft add rule inet t user accept",
	      "");
	tells(NFT("add table inet t") NFT(CHAIN(
		      "early", "filter", "forward",
		      "-100")) "nft add rule inet t early tcp dport 80 drop",
	      "");
}

static void test_where(_unused_ void **state)
{
	/* Behind ours, at a hook that decides nothing, of a type for which
	 * it means "no translation". */
	tells(NFT("add table inet t") NFT(CHAIN(
		      "late", "filter", "forward",
		      "0")) NFT(CHAIN("pre", "filter", "prerouting",
				      "-300")) NFT(CHAIN("nat", "nat", "output",
							 "-100"))
		      NFT("add rule inet t late accept") NFT(
			      "add rule inet t nat accept") "nft add rule inet t pre accept",
	      "");
	tells(NFT("add table bridge t")
		      NFT("add chain bridge t b '{ type filter hook forward "
			  "priority -300; }'") "nft add rule bridge t b accept",
	      "bridge t b forward -300 accepts\n");
	tells("iptables-nft -t mangle -A INPUT -p tcp -j ACCEPT",
	      "ip mangle INPUT input -150 accepts\n");
}

static void test_untracks(_unused_ void **state)
{
	tells(NFT("add table inet t") NFT(CHAIN(
		      "pre", "filter", "prerouting",
		      "-300")) "nft add rule inet t pre udp dport 53 notrack",
	      "inet t pre prerouting -300 untracks\n");
}

static void test_ours_is_not(_unused_ void **state)
{
	struct found found = { .text = BUF_INIT(BUF_UNBOUNDED) };
	struct ruleset *r = small_ruleset();
	struct firewall *fw;
	uint32_t before, after;

	run_ok("nft flush ruleset");
	fw = open_firewall(false);
	apply(fw, r);
	assert_int_equal(firewall_foreign(fw, on_foreign, &found), 0);
	assert_string_equal(buf_str(&found.text), "");
	assert_int_equal(firewall_generation(fw, &before), 0);
	run_ok("nft add table inet somebody");
	assert_int_equal(firewall_generation(fw, &after), 0);
	assert_int_equal(after, before + 1);
	buf_fini(&found.text);
	firewall_close(fw);
	ruleset_unref(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepts),
		cmocka_unit_test(test_where),
		cmocka_unit_test(test_untracks),
		cmocka_unit_test(test_ours_is_not),
	};

	return cmocka_run_group_tests(tests, enter_namespace, NULL);
}
