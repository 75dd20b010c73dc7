/* SPDX-License-Identifier: Apache-2.0 */
/* Scopes: from the name of a folder to what it means, and to the certificates of servers. */
#include "anchors/scope.h"

#include "fixture.h"
#include "linked_openssl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LABEL_63 "a23456789012345678901234567890123456789012345678901234567890123"
#define LENGTH(array) (sizeof(array) / sizeof(*(array)))

/* Folder names. want: as scope_text() has it. */
static const struct {
	const char *name, *want;
} good[] = {
	{"corp.example", "DNS:corp.example"},
	{"Corp.EXAMPLE", "DNS:corp.example"},
	{"corp", "DNS:corp"},
	{"localhost", "DNS:localhost"},
	{"a-b.c--d.example", "DNS:a-b.c--d.example"},
	{"1.example", "DNS:1.example"},
	{"dead.beef", "DNS:dead.beef"},
	{"xn--bcher-kva.example", "DNS:xn--bcher-kva.example"},
	{"XN--BCHER-KVA.example", "DNS:xn--bcher-kva.example"},
	{LABEL_63 ".example", "DNS:" LABEL_63 ".example"},
	{"10.0.0.0_8", "IP:0a000000ff000000"},
	{"10.1.2.3", "IP:0a010203ffffffff"},
	{"10.1.2.3_32", "IP:0a010203ffffffff"},
	{"10.1.2.2_31", "IP:0a010202fffffffe"},
	{"192.0.2.128_25", "IP:c0000280ffffff80"},
	{"172.16.0.0_12", "IP:ac100000fff00000"},
	{"fd00__8", "IP:fd000000000000000000000000000000ff000000000000000000000000000000"},
	{"fd00___8", "IP:fd000000000000000000000000000000ff000000000000000000000000000000"},
	{"FD00::_8", "IP:fd000000000000000000000000000000ff000000000000000000000000000000"},
	{"2001_db8__32", "IP:20010db8000000000000000000000000ffffffff000000000000000000000000"},
	{"2001_db8_0_8___61", "IP:20010db8000000080000000000000000"
			      "fffffffffffffff80000000000000000"},
	{"__1_128", "IP:00000000000000000000000000000001ffffffffffffffffffffffffffffffff"},
	{"::1", "IP:00000000000000000000000000000001ffffffffffffffffffffffffffffffff"},
	{"fd00__5_128", "IP:fd000000000000000000000000000005ffffffffffffffffffffffffffffffff"},
	{"fd00::5", "IP:fd000000000000000000000000000005ffffffffffffffffffffffffffffffff"},
};

static const char *const bad[] = {
	"",
	".",
	"..",
	".corp.example",
	"corp.example.",
	"corp..example",
	"-corp.example",
	"corp-.example",
	"corp.-example",
	"corp.example-",
	"corp_example",
	"_tcp.corp.example",
	"*.corp.example",
	"*",
	"corp example",
	"corp.example\n",
	"b\xc3\xbc.example",
	"corp.example:443",
	"a234567890123456789012345678901234567890123456789012345678901234.example",
	"10.0.0.0/8",
	"10.0.0.0_",
	"10.0.0.0_-8",
	"10.0.0.0_+8",
	"10.0.0.0_x",
	"10.0.0.0_0008",
	"10.0.0.0_33",
	"10.0.0.0_256",
	"10.0.0.0_7",
	"10.0.0.0_8_8",
	"10.1.0.0_8", /* bits beyond the prefix */
	"10.1.2.3_31",
	"0.0.0.0_0",
	"010.0.0.0_8",
	"10.0.0_8",
	"10.0.0.256",
	"10.1",
	"1234",
	"0",
	"__1",
	"__0",
	"fd00__7",
	"fd00__129",
	"fd00_8", /* two groups, not eight */
	"fd01__8",
	"fd00__1__8",
	"abc_def",
	"::ffff:10.0.0.0_104",
	"fe80::1%eth0",
	"[fd00::5]",
};

static void scope_text(const struct scope *scope, char *buf, size_t size)
{
	if (!scope->is_address) {
		snprintf(buf, size, "DNS:%s", scope->domain);
		return;
	}
	snprintf(buf, size, "IP:");
	for (size_t i = 0; i < 2 * scope->address_len; i++)
		snprintf(buf + strlen(buf), size - strlen(buf), "%02x",
			 i < scope->address_len ? scope->address[i]
						: scope->mask[i - scope->address_len]);
}

START_TEST(good_names)
{
	struct scope scope, again;
	char got[1024];

	ck_assert_int_eq(scope_parse(good[_i].name, &scope), 0);
	scope_text(&scope, got, sizeof(got));
	ck_assert_str_eq(got, good[_i].want);
	ck_assert_int_eq(scope_parse(good[_i].name, &again), 0);
	ck_assert(scope_equal(&scope, &again));
	for (size_t i = 0; i < LENGTH(good); i++)
		ck_assert(scope_parse(good[i].name, &again) == 0 &&
			  scope_equal(&scope, &again) ==
				  (strcmp(good[i].want, good[_i].want) == 0));
}
END_TEST

START_TEST(bad_names)
{
	struct scope scope = {.domain = "as it was"};

	ck_assert_msg(scope_parse(bad[_i], &scope) == -EINVAL, "%s", bad[_i]);
	ck_assert_str_eq(scope.domain, "as it was");
}
END_TEST

START_TEST(longest_name)
{
	char name[255];
	struct scope scope;

	/* Labels of 63, up to 253 characters: the longest that DNS has. */
	for (size_t i = 0; i < sizeof(name); i++)
		name[i] = i % 64 == 63 ? '.' : 'a';
	name[254] = '\0';
	ck_assert_int_eq(scope_parse(name, &scope), -EINVAL);
	name[253] = '\0';
	ck_assert_int_eq(scope_parse(name, &scope), 0);
	ck_assert_str_eq(scope.domain, name);
}
END_TEST

#define XMPP "1.3.6.1.5.5.7.8.5"
#define SRV "1.3.6.1.5.5.7.8.7"
#define UPN "1.3.6.1.4.1.311.20.2.3"
#define GUID "1.3.6.1.4.1.311.25.1"

/*
 * Folders (with a space between them; "." is the top one), the names of a server's certificate, its
 * CNs, and whether an anchor in these folders may vouch for it.
 */
static const struct {
	const char *folders, *names, *cn;
	bool in;
} servers[] = {
	{"corp.example", "DNS:corp.example", "x y", true},
	{"corp.example", "DNS:www.corp.example", "x y", true},
	{"corp.example", "DNS:a.b.c.corp.example", "x y", true},
	{"corp.example", "DNS:WWW.Corp.EXAMPLE", "x y", true},
	{"Corp.EXAMPLE", "DNS:www.corp.example", "x y", true},
	{"corp.example", "DNS:my_host.corp.example", "x y", true},
	{"corp.example", "DNS:*.corp.example", "x y", true},
	{"corp.example", "DNS:w*.corp.example", "x y", true},
	{"corp.example", "DNS:*.example", "x y", false},
	{"corp.example", "DNS:*", "x y", false},
	{"corp.example", "DNS:evilcorp.example", "x y", false},
	{"corp.example", "DNS:corp.example.evil.example", "x y", false},
	{"corp.example", "DNS:corp.example.", "x y", false},
	{"corp.example", "DNS:www.corp.example.", "x y", false},
	{"corp.example", "DNS:example", "x y", false},
	{"corp.example", "DNS:corp", "x y", false},
	{"corp.example", "DNS:localhost", "x y", false},
	{"corp.example", "DNS:www.other.example", "x y", false},
	{"corp.example", "DNS:www.corp.example,DNS:www.other.example", "x y", false},
	{"corp.example", "DNS:www.other.example,DNS:www.corp.example", "x y", false},
	{"corp.example", "DNS:www.corp.example,IP:10.1.2.3", "x y", false},
	{"corp.example", "IP:10.1.2.3", "x y", false},
	{"corp.example", "IP:0.0.0.0", "x y", false},
	{"corp.example", "IP:::", "x y", false},
	{"corp.example", "IP:fd00::5", "x y", false},
	{"corp.example", "DNS:localhost/.corp.example", "x y", false},
	/* The host of a URI, SRV and XMPP names, the domain of an e-mail address; no others. */
	{"corp.example", "DNS:www.corp.example,email:a@corp.example", "x y", true},
	{"corp.example", "DNS:www.corp.example,email:a@other.example", "x y", false},
	{"corp.example", "DNS:www.corp.example,URI:https://www.corp.example/", "x y", true},
	{"corp.example", "DNS:www.corp.example,URI:https://www.other.example/", "x y", false},
	{"corp.example", "DNS:www.corp.example,URI:https://10.1.2.3/", "x y", false},
	{"corp.example 10.0.0.0_8", "DNS:www.corp.example,URI:https://10.1.2.3/", "x y", true},
	{"corp.example", "DNS:www.corp.example,URI:urn:uuid:0-0", "x y", true},
	{"corp.example", "DNS:www.corp.example,otherName:" SRV ";IA5:_imaps.corp.example", "x y",
	 true},
	{"corp.example", "DNS:www.corp.example,otherName:" SRV ";IA5:_imaps.bank.example", "x y",
	 false},
	{"corp.example", "DNS:www.corp.example,otherName:" XMPP ";UTF8:corp.example", "x y", true},
	{"corp.example", "DNS:www.corp.example,otherName:" XMPP ";UTF8:bank.example", "x y", false},
	{"corp.example", "DNS:www.corp.example,otherName:" UPN ";UTF8:dc$@bank.example", "x y",
	 true},
	{"corp.example", "DNS:www.corp.example,otherName:" GUID ";OCT:x", "x y", true},
	{"corp.example", "DNS:www.corp.example,RID:1.2.3", "x y", true},
	{"www.corp.example", "DNS:www.corp.example", "x y", true},
	{"www.corp.example", "DNS:corp.example", "x y", false},
	{"www.corp.example", "DNS:*.corp.example", "x y", false},
	{"corp", "DNS:www.corp", "x y", true},
	{"corp", "DNS:www.corp.example", "x y", false},
	{"xn--bcher-kva.example", "DNS:www.xn--bcher-kva.example", "x y", true},
	{"xn--bcher-kva.example", "DNS:www.XN--BCHER-KVA.example", "x y", true},
	{"xn--bcher-kva.example", "DNS:www.bucher.example", "x y", false},
	/* The CN, with and without other names. */
	{"corp.example", "", "www.corp.example", true},
	{"corp.example", "", "CORP.example", true},
	{"corp.example", "", "www.other.example", false},
	{"corp.example", "", "evilcorp.example", false},
	{"corp.example", "", "*.corp.example", true},
	{"corp.example", "", "intranet", false},
	{"corp.example", "", "www.corp.example\nwww.other.example", false},
	{"corp.example", "", "www.other.example\nwww.corp.example", false},
	{"corp.example", "", "www.corp.example\nintranet", false},
	{"corp.example", "", "10.1.2.3", false},
	{"corp.example", "", "www.bank.example.", false},
	{"corp.example", "", "a b.bank.example", false},
	{"corp.example", "", "b\xc3\xa4nk.example", false},
	/* Who names no server at all is in no scope. */
	{"corp.example", "", "no name of a host", false},
	{"corp.example", "", NULL, false},
	{"corp.example", "email:a@corp.example", "no name of a host", false},
	{"corp.example", "URI:https://www.corp.example/", "no name of a host", false},
	{"corp.example", "", "no name of a host\nwww.corp.example", true},
	{". corp.example", "", "no name of a host", true},
	{"corp.example", "DNS:www.corp.example", NULL, true},
	{"corp.example", "DNS:www.corp.example", "our server", true},
	{"corp.example", "DNS:www.corp.example", "www.corp.example", true},
	{"corp.example", "DNS:www.corp.example", "mail.corp.example", true},
	{"corp.example", "DNS:*.corp.example", "*.corp.example", true},
	{"corp.example", "DNS:www.corp.example", "www.other.example", false},
	{"corp.example", "DNS:www.corp.example", "*.other.example", false},
	{"corp.example", "DNS:www.corp.example", "127.0.0.1", false},
	{"corp.example", "DNS:www.corp.example", "::1", false},
	{"corp.example", "DNS:www.corp.example", "localhost", false},
	{"corp.example", "DNS:www.corp.example,DNS:localhost.corp.example", "localhost", false},
	{"corp.example localhost", "DNS:www.corp.example", "localhost", true},
	{"corp.example 127.0.0.1", "DNS:www.corp.example", "127.0.0.1", true},
	/* One word that a DNS name begins with. */
	{"corp.example", "DNS:server01.corp.example", "server01", true},
	{"corp.example", "DNS:server01.corp.example", "SERVER01", true},
	{"corp.example", "DNS:www.corp.example,DNS:my_host.corp.example", "my_host", true},
	{"corp.example", "DNS:server01.corp.example", "server", false},
	{"corp.example", "DNS:server01.corp.example", "server012", false},
	{"corp.example", "DNS:www.server01.corp.example", "server01", false},
	{"corp.example", "DNS:server01.bank.example", "server01", false},
	{"corp.example", "DNS:server01.bank.example,DNS:www.corp.example", "server01", false},
	{"corp.example server01", "DNS:www.corp.example", "server01", true},
	{"corp.example", "DNS:server01", "server01", false},
	{"corp.example", "IP:10.1.2.3", "server01", false},
	{"corp.example", "DNS:a.corp.example,DNS:b.corp.example", "a\nb", true},
	{"corp.example", "DNS:a.corp.example,DNS:b.corp.example", "a\nc", false},
	{"corp.example", "DNS:*.corp.example", "*", false},
	{"corp.example", "DNS:2130706433.corp.example", "2130706433", false},
	{"corp.example", "DNS:0x7f000001.corp.example", "0x7f000001", false},
	{"corp.example", "DNS:ip6-localhost.corp.example", "ip6-localhost", false},
	{"corp.example", "DNS:localhost.corp.example", "LocalHost", false},
	{"corp.example", "DNS:_gateway.corp.example", "_gateway", false},
	{"corp.example", "email:a@corp.example", "www.other.example", false},
	{"intranet", "", "intranet", true},
	{"intranet", "", "INTRANET", true},
	{"intranet", "", "extranet", false},
	{"corp.example intranet", "", "intranet", true},
	{"localhost", "DNS:localhost", "x y", true},
	/* Addresses. */
	{"10.0.0.0_8", "IP:10.0.0.0", "x y", true},
	{"10.0.0.0_8", "IP:10.1.2.3", "x y", true},
	{"10.0.0.0_8", "IP:10.255.255.255", "x y", true},
	{"10.0.0.0_8", "IP:9.255.255.255", "x y", false},
	{"10.0.0.0_8", "IP:11.0.0.0", "x y", false},
	{"10.0.0.0_8", "IP:10.1.2.3,IP:11.1.2.3", "x y", false},
	{"10.0.0.0_8", "IP:::ffff:10.1.2.3", "x y", false},
	{"10.0.0.0_8", "IP:fd00::5", "x y", false},
	{"10.0.0.0_8", "DNS:www.corp.example", "x y", false},
	{"10.0.0.0_8", "DNS:10.1.2.3", "x y", false},
	{"10.0.0.0_8", "DNS:nobody.invalid.example", "x y", false},
	{"10.0.0.0_8", "", "www.corp.example", false},
	{"10.0.0.0_8", "IP:10.1.2.3", "www.corp.example", false},
	{"10.0.0.0_8", "IP:10.1.2.3", "10.1.2.3", true},
	{"10.0.0.0_8", "IP:10.1.2.3", "11.1.2.3", false},
	{"192.0.2.128_25", "IP:192.0.2.128", "x y", true},
	{"192.0.2.128_25", "IP:192.0.2.127", "x y", false},
	{"10.1.2.3", "IP:10.1.2.3", "x y", true},
	{"10.1.2.3", "IP:10.1.2.2", "x y", false},
	{"fd00__8", "IP:fd00::5", "x y", true},
	{"fd00__8", "IP:fdff:ffff::", "x y", true},
	{"fd00__8", "IP:fe00::", "x y", false},
	{"fd00__8", "IP:10.1.2.3", "x y", false},
	{"::1", "IP:::1", "x y", true},
	{"::1", "IP:::2", "x y", false},
	/* Several folders are a union; the top one is for every name. */
	{"corp.example other.example", "DNS:www.corp.example,DNS:www.other.example", "x y", true},
	{"corp.example other.example", "DNS:www.third.example", "x y", false},
	{"corp.example 10.0.0.0_8", "DNS:www.corp.example,IP:10.1.2.3", "x y", true},
	{"corp.example 10.0.0.0_8", "DNS:www.corp.example,IP:11.1.2.3", "x y", false},
	{"10.0.0.0_8 fd00__8", "IP:10.1.2.3,IP:fd00::5", "x y", true},
	{"corp.example .", "DNS:www.other.example,IP:11.1.2.3", "x y", true},
	{". corp.example", "", "*.other.example", true},
};

static char *dir;

static void set_up(void)
{
	dir = fixture_dir();
}

static void tear_down(void)
{
	fixture_remove(dir);
}

static void put_into_folders(X509 *cert, const char *folders)
{
	char *copy = strdup(folders), *rest = NULL, path[512];

	ck_assert_ptr_nonnull(copy);
	for (char *name = strtok_r(copy, " ", &rest); name != NULL;
	     name = strtok_r(NULL, " ", &rest)) {
		snprintf(path, sizeof(path), "%s/%s", dir, name);
		ck_assert(strcmp(name, ".") == 0 || mkdir(path, 0755) == 0);
		write_cert(path, "root.pem", cert);
	}
	free(copy);
}

START_TEST(names_of_servers)
{
	EVP_PKEY *root_key = new_key(), *leaf_key = new_key();
	X509 *root = new_cert(
		&(struct cert_plan){.cn = "root", .key = root_key, .extensions = ROOT_EXTENSIONS});
	X509_STORE *store = X509_STORE_new();
	char extensions[512];
	struct verdict got;
	X509 *leaf;

	snprintf(extensions, sizeof(extensions), LEAF_EXTENSIONS "%s%s",
		 servers[_i].names[0] == '\0' ? "" : "subjectAltName=", servers[_i].names);
	leaf = new_cert(&(struct cert_plan){.cn = servers[_i].cn,
					    .key = leaf_key,
					    .issuer = root,
					    .issuer_key = root_key,
					    .extensions = extensions});
	put_into_folders(root, servers[_i].folders);
	trust_only(dir);
	got = verify_as(&(struct attempt){.store = store, .leaf = leaf});
	ck_assert_msg(got.ret == servers[_i].in &&
			      got.error ==
				      (servers[_i].in ? X509_V_OK : X509_V_ERR_PERMITTED_VIOLATION),
		      "[%s] %s CN=%s: %s", servers[_i].folders, servers[_i].names, servers[_i].cn,
		      got.text);
	X509_free(leaf);
	X509_free(root);
	EVP_PKEY_free(leaf_key);
	EVP_PKEY_free(root_key);
	X509_STORE_free(store);
}
END_TEST

static EVP_PKEY *key;
static X509 *root;

static void set_up_ca(void)
{
	set_up();
	trust_only(dir);
	key = new_key();
	root = new_cert(
		&(struct cert_plan){.cn = "root", .key = key, .extensions = ROOT_EXTENSIONS});
}

static void tear_down_ca(void)
{
	X509_free(root);
	EVP_PKEY_free(key);
	tear_down();
}

static X509 *new_leaf(X509 *issuer, const char *cn, const char *names)
{
	char extensions[512];

	snprintf(extensions, sizeof(extensions), LEAF_EXTENSIONS "%s", names);
	return new_cert(&(struct cert_plan){.cn = cn,
					    .key = key,
					    .issuer = issuer,
					    .issuer_key = key,
					    .extensions = extensions});
}

static int verify_once(struct attempt attempt)
{
	int error;

	attempt.store = X509_STORE_new();
	error = verify_as(&attempt).error;
	X509_STORE_free(attempt.store);
	return error;
}

/* CNs as they may be encoded, which a list of lines can't say. */
#define BYTES(text) (const unsigned char *)(text), sizeof(text) - 1
static const struct {
	const unsigned char *bytes;
	size_t len;
	int type;
	bool in;
} encoded[] = {
	{BYTES("www.corp.example"), V_ASN1_PRINTABLESTRING, true},
	{BYTES("www.corp.example"), V_ASN1_IA5STRING, true},
	{BYTES("www.corp.example"), V_ASN1_T61STRING, true},
	{BYTES("b\xe4nk.example"), V_ASN1_T61STRING, false},
	{BYTES("b\xe4nk.corp.example"), V_ASN1_T61STRING, true},
	{BYTES("\0a\0.\0c\0o\0r\0p\0.\0e\0x\0a\0m\0p\0l\0e"), V_ASN1_BMPSTRING, true},
	{BYTES("\0b\0a\0n\0k\0.\0e\0x\0a\0m\0p\0l\0e"), V_ASN1_BMPSTRING, false},
	{BYTES("\0b\0a\0n\0k\0.\0e\0x\0a\0m\0p\0l\0e\0."), V_ASN1_BMPSTRING, false},
	{BYTES("\0\0\0b\0\0\0.\0\0\0e"), V_ASN1_UNIVERSALSTRING, false},
	/* With a NUL. */
	{BYTES("www.bank.example\0.corp.example"), V_ASN1_UTF8STRING, false},
	{BYTES("www.corp.example\0"), V_ASN1_UTF8STRING, false},
	{BYTES("www.corp.example\0.bank.example"), V_ASN1_UTF8STRING, false},
	{BYTES("\0a\0\0\0.\0c\0o\0r\0p\0.\0e\0x\0a\0m\0p\0l\0e"), V_ASN1_BMPSTRING, false},
	/* Longer than any name. */
	{BYTES(LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_63 ".corp.example"), V_ASN1_UTF8STRING,
	 false},
};

START_TEST(encoded_common_names)
{
	X509 *leaf = new_leaf(root, NULL, "");
	X509_NAME *subject = X509_get_subject_name(leaf);
	X509_NAME_ENTRY *entry;

	/* ub-common-name, 64 characters, is for the CN that is set as one. */
	ck_assert_int_eq(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
						    (const unsigned char *)"x", -1, -1, 0),
			 1);
	entry = X509_NAME_get_entry(subject, 0);
	ck_assert_int_eq(ASN1_STRING_set(X509_NAME_ENTRY_get_data(entry), encoded[_i].bytes,
					 (int)encoded[_i].len),
			 1);
	X509_NAME_ENTRY_get_data(entry)->type = encoded[_i].type;
	/* Its encoding is made anew. */
	ck_assert_int_eq(X509_NAME_add_entry(subject, entry, 0, 0), 1);
	X509_NAME_ENTRY_free(X509_NAME_delete_entry(subject, 1));
	ck_assert_int_gt(X509_sign(leaf, key, EVP_sha256()), 0);
	put_into_folders(root, "corp.example");
	ck_assert_int_eq(verify_once((struct attempt){.leaf = leaf}),
			 encoded[_i].in ? X509_V_OK : X509_V_ERR_PERMITTED_VIOLATION);
	X509_free(leaf);
}
END_TEST

/* Whatever the client's flags say: there are clients that look at the CN by themselves. */
START_TEST(common_name_beside_a_dns_name)
{
	static const unsigned flags[] = {0, X509_CHECK_FLAG_ALWAYS_CHECK_SUBJECT,
					 X509_CHECK_FLAG_NEVER_CHECK_SUBJECT};
	X509 *leaf = new_leaf(root, "127.0.0.1", "subjectAltName=DNS:www.corp.example\n");

	put_into_folders(root, "corp.example");
	for (size_t i = 0; i < LENGTH(flags); i++)
		ck_assert_int_eq(verify_once((struct attempt){.leaf = leaf,
							      .host = "www.corp.example",
							      .host_flags = flags[i]}),
				 X509_V_ERR_PERMITTED_VIOLATION);
	X509_free(leaf);
}
END_TEST

START_TEST(two_lists_of_names)
{
	X509 *leaf = new_leaf(root, "www.corp.example", "subjectAltName=DNS:www.corp.example\n");
	int at = X509_get_ext_by_NID(leaf, NID_subject_alt_name, -1);

	/* Of these, OpenSSL reads none, and goes by the CN. */
	ck_assert_int_eq(X509_add_ext(leaf, X509_get_ext(leaf, at), -1), 1);
	ck_assert_int_gt(X509_sign(leaf, key, EVP_sha256()), 0);
	put_into_folders(root, "corp.example");
	ck_assert_int_ne(verify_once((struct attempt){.leaf = leaf}), X509_V_OK);
	X509_free(leaf);
}
END_TEST

/* For OpenSSL it is below the domain, for who reads C strings another server's. */
START_TEST(name_with_a_nul)
{
	/* www.bank.example, NUL, .corp.example */
	X509 *leaf = new_leaf(root, "x y",
			      "subjectAltName=DER:30:20:82:1e:77:77:77:2e:62:61:6e:6b:2e:65:78:61:"
			      "6d:70:6c:65:00:2e:63:6f:72:70:2e:65:78:61:6d:70:6c:65\n");

	put_into_folders(root, "corp.example");
	ck_assert_int_ne(verify_once((struct attempt){.leaf = leaf}), X509_V_OK);
	X509_free(leaf);
}
END_TEST

static const struct {
	const char *folder;
	int error;
} pins[] = {
	{"corp.example", X509_V_ERR_PERMITTED_VIOLATION},
	{"other.example", X509_V_OK},
	{".", X509_V_OK},
};

/*
 * A server's certificate as an anchor, with nothing, some and all of its chain sent: OpenSSL puts
 * the anchor first in the chain, not last.
 */
START_TEST(leaf_as_an_anchor)
{
	enum { SENT = 3 };
	X509 *sub = new_cert(&(struct cert_plan){.cn = "sub",
						 .key = key,
						 .issuer = root,
						 .issuer_key = key,
						 .extensions = ROOT_EXTENSIONS
						 "authorityKeyIdentifier=keyid\n"});
	X509 *leaf = new_leaf(sub, "x y", "subjectAltName=DNS:www.other.example\n");
	X509 *const send[SENT] = {NULL, sub, root};
	STACK_OF(X509) *sent = sk_X509_new_null();

	put_into_folders(leaf, pins[_i].folder);
	for (size_t i = 0; i < SENT; i++) {
		if (send[i] != NULL)
			sk_X509_push(sent, send[i]);
		ck_assert_int_eq(verify_once((struct attempt){.leaf = leaf,
							      .untrusted = sent,
							      .flags = X509_V_FLAG_PARTIAL_CHAIN}),
				 pins[_i].error);
	}
	X509_free(leaf);
	X509_free(sub);
	sk_X509_free(sent);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("scope");
	TCase *tc = tcase_create("scope");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, good_names, 0, (int)LENGTH(good));
	tcase_add_loop_test(tc, bad_names, 0, (int)LENGTH(bad));
	tcase_add_test(tc, longest_name);
	tcase_add_loop_test(tc, names_of_servers, 0, (int)LENGTH(servers));
	suite_add_tcase(suite, tc);
	tc = tcase_create("leaves");
	tcase_add_checked_fixture(tc, set_up_ca, tear_down_ca);
	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, encoded_common_names, 0, (int)LENGTH(encoded));
	tcase_add_test(tc, common_name_beside_a_dns_name);
	tcase_add_test(tc, two_lists_of_names);
	tcase_add_test(tc, name_with_a_nul);
	tcase_add_loop_test(tc, leaf_as_an_anchor, 0, (int)LENGTH(pins));
	suite_add_tcase(suite, tc);
	return fixture_run(suite);
}
