/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <ftw.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void die(const char *what)
{
	perror(what);
	exit(99);
}

void tiny_cert(unsigned id, unsigned char der[TINY_CERT])
{
	const unsigned char bytes[TINY_CERT] = {
		0x30,
		TINY_CERT - 2,
		0x30,
		0,
		0x30,
		0,
		0x03,
		3,
		0,
		(unsigned char)(id >> 8),
		(unsigned char)id,
	};

	memcpy(der, bytes, sizeof(bytes));
}

void pem_write(FILE *out, const char *label, const unsigned char *der, size_t len)
{
	unsigned char *text = malloc(len * 2 + 8);

	if (text == NULL)
		die("malloc");
	EVP_EncodeBlock(text, der, (int)len);
	fprintf(out, "-----BEGIN %s-----\n", label);
	for (const char *at = (const char *)text; *at != '\0'; at += strnlen(at, 64))
		fprintf(out, "%.64s\n", at);
	fprintf(out, "-----END %s-----\n", label);
	free(text);
}

char *fixture_dir(void)
{
	const char *tmp = getenv("TMPDIR");
	char *dir = NULL;

	if (asprintf(&dir, "%s/catrust-unit-XXXXXX", tmp != NULL ? tmp : "/tmp") < 0 ||
	    mkdtemp(dir) == NULL || chmod(dir, 0755) != 0)
		die("mkdtemp");
	return dir;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void fixture_remove(char *dir)
{
	if (nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
		die(dir);
	free(dir);
}

void fixture_file(const char *dir, const char *name, const void *data, size_t len)
{
	char *path = NULL;
	FILE *out;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		die("asprintf");
	out = fopen(path, "w");
	if (out == NULL || fwrite(data, 1, len, out) != len || fclose(out) != 0 ||
	    chmod(path, 0644) != 0)
		die(path);
	free(path);
}

void fixture_cert(const char *dir, const char *name, unsigned id)
{
	unsigned char der[TINY_CERT];

	tiny_cert(id, der);
	fixture_file(dir, name, der, sizeof(der));
}

const char *fixture_path(const char *dir, const char *name)
{
	static char buf[4][PATH_MAX];
	static unsigned next;
	char *path = buf[next++ % 4];

	snprintf(path, PATH_MAX, "%s/%s", dir, name);
	return path;
}

TCase *fixture_slow(Suite *suite)
{
	TCase *tc = tcase_create("slow");

	tcase_set_tags(tc, "slow");
	tcase_set_timeout(tc, 280);
	suite_add_tcase(suite, tc);
	return tc;
}

int fixture_run(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
