/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/aiafetch.h"

#include "certs/make.h"
#include "net/transport.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* A web server that takes every connection and says nothing. */
static int silent, port;

static void set_up(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);

	silent = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(silent, 0);
	ck_assert_int_eq(bind(silent, (struct sockaddr *)&address, len), 0);
	ck_assert_int_eq(listen(silent, 16), 0);
	ck_assert_int_eq(getsockname(silent, (struct sockaddr *)&address, &len), 0);
	port = ntohs(address.sin_port);
}

static void tear_down(void)
{
	close(silent);
}

static int connections(void)
{
	int count = 0;

	for (int fd; (fd = accept(silent, NULL, NULL)) >= 0; count++)
		close(fd);
	return count;
}

/* A certificate below an unknown issuer that is said to be at so many URLs. */
static X509 *cert_with_urls(int count)
{
	struct cert_spec spec = {.name = "leaf", .issuer = "issuer", .key = EVP_EC_gen("P-256")};
	char urls[1024] = "";
	X509 *cert = cert_new(&spec);

	for (int i = 0; i < count; i++)
		snprintf(urls + strlen(urls), sizeof(urls) - strlen(urls),
			 "%scaIssuers;URI:http://127.0.0.1:%d/%d", i > 0 ? "," : "", port, i);
	cert_extension(cert, NID_info_access, urls);
	EVP_PKEY_free(spec.key);
	return cert;
}

static bool never(void *arg, X509 *cert)
{
	(void)arg;
	(void)cert;
	return false;
}

static void ask(int urls, const struct aiafetch_options *options, struct reason *why)
{
	X509 *cert = cert_with_urls(urls);
	STACK_OF(X509) *found = aiafetch_issuers(cert, never, NULL, options, why);

	ck_assert_ptr_nonnull(found);
	ck_assert_int_eq(sk_X509_num(found), 0);
	sk_X509_free(found);
	X509_free(cert);
}

START_TEST(each_answer_has_its_time)
{
	const struct aiafetch_options options = {.proxy = "", .local = true, .timeout_ms = 100};
	long long start = transport_now();
	struct reason why = {""};

	ask(2, &options, &why);
	ck_assert_int_eq(connections(), 2);
	ck_assert_ptr_nonnull(strstr(why.text, "/1: Timeout was reached"));
	ck_assert_int_ge(transport_now() - start, 200);
}
END_TEST

START_TEST(all_answers_together_have_theirs)
{
	const struct aiafetch_options options = {
		.proxy = "", .local = true, .timeout_ms = 1000, .all_ms = 1500};
	struct reason why = {""};

	/* One takes its second, the next what is left, and the others are not asked. */
	ask(5, &options, &why);
	ck_assert_int_le(connections(), 2);
	ck_assert_ptr_nonnull(
		strstr(why.text, "/4: not downloaded, because the 1.5 s for downloads are over"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("aiafetch");
	TCase *tcase = tcase_create("time");
	SRunner *runner;
	int failed;

	curl_global_init(CURL_GLOBAL_DEFAULT);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_set_timeout(tcase, 40);
	tcase_add_test(tcase, each_answer_has_its_time);
	tcase_add_test(tcase, all_answers_together_have_theirs);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	curl_global_cleanup();
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
