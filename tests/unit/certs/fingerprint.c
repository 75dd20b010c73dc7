/* SPDX-License-Identifier: Apache-2.0 */
/* Fingerprints as users write them, and the names of files. */
#include "certs/fingerprint.h"
#include "anchors/trustdir.h"
#include "certs/filename.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define HEX64 "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"
#define COLONS                                                                                     \
	"00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:"                                         \
	"00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF"

static const char *const good_fingerprints[] = {HEX64,
						"sha256:" HEX64,
						"SHA256:" COLONS,
						COLONS,
						"sha256 Fingerprint=" COLONS,
						"SHA256 Fingerprint=" COLONS};

START_TEST(test_fingerprint_good)
{
	char buf[FINGERPRINT_TEXT];
	struct fingerprint f;

	ck_assert_ptr_null(fingerprint_parse(good_fingerprints[_i], &f));
	ck_assert_str_eq(fingerprint_text(&f, buf), COLONS);
}
END_TEST

static const char *const bad_fingerprints[] = {
	"",
	"sha256:",
	"00",
	"sha1:" HEX64,
	"sha256:sha256:" HEX64,
	HEX64 "0",
	HEX64 "00",
	HEX64 ":",
	":" HEX64,
	COLONS ":",
	COLONS ":00",
	"0:011:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:"
	"EE:FF",
	"0011:22334455667788899aabbccddeeff00112233445566778899AABBCCDDEEFF",
	"00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFG",
	" " HEX64,
	"0123456789012345678901234567890123456789",
};

START_TEST(test_fingerprint_bad)
{
	struct fingerprint f;

	ck_assert_msg(fingerprint_parse(bad_fingerprints[_i], &f) != NULL, "%s",
		      bad_fingerprints[_i]);
}
END_TEST

START_TEST(test_fingerprint_sha1)
{
	struct fingerprint f;

	/* The slip that happens: browsers show both. */
	ck_assert_ptr_nonnull(
		strstr(fingerprint_parse("0123456789012345678901234567890123456789", &f), "SHA-1"));
}
END_TEST

static const struct {
	const char *name, *file;
} filenames[] = {
	{"Example Corp Root CA", "example-corp-root-ca-00112233.pem"},
	{"  (Root)  CA!! ", "root-ca-00112233.pem"},
	{"../../etc/passwd", "etc-passwd-00112233.pem"},
	{"\x1b[31m", "31m-00112233.pem"},
	{"", "ca-00112233.pem"},
	{"\xe6\x97\xa5\xe6\x9c\xac", "ca-00112233.pem"},
	{"M\xc3\xbcller CA", "m-ller-ca-00112233.pem"},
	{".hidden", "hidden-00112233.pem"},
	{"a123456789b123456789c123456789d123456789e123456789f123456789",
	 "a123456789b123456789c123456789d123456789e1234567-00112233.pem"},
	{"a123456789b123456789c123456789d123456789e123456 is cut at a hyphen",
	 "a123456789b123456789c123456789d123456789e123456-00112233.pem"},
};

START_TEST(test_filename)
{
	char buf[FILENAME_SIZE];
	struct fingerprint f;
	const char *name = filenames[_i].name;

	ck_assert_ptr_null(fingerprint_parse(HEX64, &f));
	filename_for((const unsigned char *)name, strlen(name), &f, buf);
	ck_assert_str_eq(buf, filenames[_i].file);
	ck_assert(trustdir_name_counts(buf));
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof(*(array))))

int main(void)
{
	Suite *suite = suite_create("fingerprint");
	TCase *tests = tcase_create("fingerprint");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tests, test_fingerprint_good, 0, COUNT(good_fingerprints));
	tcase_add_loop_test(tests, test_fingerprint_bad, 0, COUNT(bad_fingerprints));
	tcase_add_test(tests, test_fingerprint_sha1);
	tcase_add_loop_test(tests, test_filename, 0, COUNT(filenames));
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
