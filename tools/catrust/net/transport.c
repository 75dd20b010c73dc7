/* SPDX-License-Identifier: Apache-2.0 */
#include "net/transport.h"

#include "base/show.h"
#include "net/proxyauth.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct transport {
	CURL *curl;
	curl_socket_t fd;
	STACK_OF(X509) * proxy_cas; /* the CAs that may vouch for the proxy */
};

long long transport_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value == NULL || value[0] == '\0' ? NULL : value;
}

const char *transport_environment_proxy(const char *scheme)
{
	char lower[32], upper[32];
	const char *value;
	size_t i;

	snprintf(lower, sizeof(lower), "%s_proxy", scheme);
	for (i = 0; lower[i] != '\0'; i++)
		upper[i] = (char)toupper((unsigned char)lower[i]);
	upper[i] = '\0';
	value = variable(lower);
	/* HTTP_PROXY is unsafe: the client of a CGI program sets it by a header. */
	if (value == NULL && strcmp(scheme, "http") != 0)
		value = variable(upper);
	if (value == NULL)
		value = variable("all_proxy");
	return value != NULL ? value : variable("ALL_PROXY");
}

/* Host and port of a proxy's URL, which may contain a password. The host is as in the URL: an IPv6
 * address has brackets. false: the URL has none. */
static bool proxy_address(const char *proxy, char ret_host[TARGET_HOST], char ret_port[6])
{
	CURLU *parts = curl_url();
	char *host = NULL, *port = NULL;
	bool ok = parts != NULL &&
		  curl_url_set(parts, CURLUPART_URL, proxy,
			       CURLU_GUESS_SCHEME | CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
		  curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
		  strlen(host) < TARGET_HOST;

	if (ok && curl_url_get(parts, CURLUPART_PORT, &port, 0) != CURLUE_OK)
		port = NULL;
	if (ok) {
		snprintf(ret_host, TARGET_HOST, "%s", host);
		snprintf(ret_port, 6, "%s", port == NULL ? "443" : port);
	}
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(parts);
	return ok;
}

/* libcurl does TLS only with the proxy, so a TLS error is the proxy's. */
static void why_proxy(struct reason *why, const char *proxy, const char *words)
{
	char address[TARGET_TEXT] = "PROXY", host[TARGET_HOST], port[6];
	char shown[SHOW_MAX], shown_words[SHOW_MAX];

	if (proxy_address(proxy, host, port))
		snprintf(address, sizeof(address), "%s:%s", host, port);
	reason_set(
		why,
		"no connection: the certificate of the proxy %s, not that of the server, is not "
		"accepted: %s. If the proxy is your company's, trust its CA: catrust fetch --proxy "
		"'' %s",
		show_text(address, shown), show_text(words, shown_words), shown);
}

static void why_connect(struct reason *why, CURL *curl, CURLcode code, const struct target *target,
			const char *proxy, const char *words, int timeout_ms)
{
	long error = 0, status = 0;
	char shown[SHOW_MAX];

	curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &error);
	curl_easy_getinfo(curl, CURLINFO_HTTP_CONNECTCODE, &status);
	if (code == CURLE_COULDNT_RESOLVE_HOST)
		reason_set(why, "there is no address for the name %s", target->host);
	else if (code == CURLE_COULDNT_RESOLVE_PROXY)
		reason_set(why, "there is no address for the name of the proxy");
	else if (code == CURLE_OPERATION_TIMEDOUT)
		reason_set(why, "no connection within %d.%d s", timeout_ms / 1000,
			   timeout_ms % 1000 / 100);
	else if (status == 407)
		reason_set(why, "the proxy wants a user name and a password, or refuses these "
				"(status 407): --proxy http://USER:PASSWORD@HOST:PORT");
	else if (status >= 300)
		reason_set(why, "the proxy refuses to connect to the server (status %ld)", status);
	else if (code == CURLE_PEER_FAILED_VERIFICATION)
		why_proxy(why, proxy, words[0] != '\0' ? words : curl_easy_strerror(code));
	else if (code == CURLE_COULDNT_CONNECT && error > 0)
		reason_set(why, "no connection: %s", strerror((int)error));
	else
		reason_set(why, "no connection: %s",
			   words[0] != '\0' ? show_text(words, shown) : curl_easy_strerror(code));
}

/* The scheme is only for libcurl: with https it would do TLS, and verify. */
static int set_url(CURL *curl, const struct target *target)
{
	char url[sizeof("http://[%25]:65535") + TARGET_HOST];
	const char *percent = strchr(target->host, '%');
	int len = percent == NULL ? (int)strlen(target->host) : (int)(percent - target->host);
	bool brackets = strchr(target->host, ':') != NULL;

	snprintf(url, sizeof(url), "http://%s%.*s%s%s%s:%u", brackets ? "[" : "", len, target->host,
		 percent == NULL ? "" : "%25", percent == NULL ? "" : percent + 1,
		 brackets ? "]" : "", target->port);
	return curl_easy_setopt(curl, CURLOPT_URL, url) == CURLE_OK ? 0 : -1;
}

/* Does libcurl use the same copy of OpenSSL? Objects of one copy must not get into another. */
static bool shares_openssl(void)
{
	const char *theirs = curl_version_info(CURLVERSION_NOW)->ssl_version;
	char ours[32];

	snprintf(ours, sizeof(ours), "OpenSSL/%u.", OPENSSL_version_major());
	return theirs != NULL && strncmp(theirs, ours, strlen(ours)) == 0;
}

static CURLcode add_proxy_cas(CURL *curl, void *ssl_ctx, void *arg)
{
	const STACK_OF(X509) *cas = arg;
	X509_STORE *store = SSL_CTX_get_cert_store(ssl_ctx);

	(void)curl;
	for (int i = 0; i < sk_X509_num(cas); i++)
		X509_STORE_add_cert(store, sk_X509_value(cas, i));
	return CURLE_OK;
}

static bool may_vouch(const struct transport_ca *ca, const struct name *host)
{
	const struct scope_list *l = ca->scopes;

	while (l != NULL && !scope_has(&l->scope, 1, host))
		l = l->next;
	return ca->scopes == NULL || l != NULL;
}

/* Chooses the CAs that may vouch for the proxy; libcurl checks only the proxy's name. Returns -1:
 * out of memory. */
static int choose_cas(struct transport *t, const char *proxy, const struct transport_cas *from)
{
	char host[TARGET_HOST], port[6], *text = host;
	struct name name = {.host = NAME_IS_NO_HOST};
	size_t len;

	t->proxy_cas = sk_X509_new_null();
	if (t->proxy_cas == NULL)
		return -1;
	if (proxy_address(proxy, host, port)) {
		len = strlen(host);
		if (len > 2 && host[0] == '[') {
			text++;
			len -= 2;
		}
		names_common((const unsigned char *)text, len, &name);
	}
	for (size_t i = 0; from != NULL && i < from->count; i++)
		if (may_vouch(&from->item[i], &name) &&
		    X509_add_cert(t->proxy_cas, from->item[i].cert, X509_ADD_FLAG_UP_REF) != 1)
			return -1;
	return 0;
}

static int set_proxy(struct transport *t, const char *proxy, const struct transport_cas *cas)
{
	const char *ca = variable("SSL_CERT_FILE");
	CURL *curl = t->curl;

	if (curl_easy_setopt(curl, CURLOPT_PROXY, proxy) != CURLE_OK ||
	    curl_easy_setopt(curl, CURLOPT_HTTPPROXYTUNNEL, 1L) != CURLE_OK ||
	    curl_easy_setopt(curl, CURLOPT_PROXYAUTH, CURLAUTH_ANY) != CURLE_OK)
		return -1;
	if (choose_cas(t, proxy, cas) != 0)
		return -1;
	if (sk_X509_num(t->proxy_cas) > 0 && shares_openssl() &&
	    (curl_easy_setopt(curl, CURLOPT_SSL_CTX_FUNCTION, add_proxy_cas) != CURLE_OK ||
	     curl_easy_setopt(curl, CURLOPT_SSL_CTX_DATA, t->proxy_cas) != CURLE_OK))
		return -1;
	/* The proxy's own certificate is verified, because the proxy may get a password. */
	if (ca != NULL && curl_easy_setopt(curl, CURLOPT_PROXY_CAINFO, ca) != CURLE_OK)
		return -1;
	return 0;
}

void transport_leave_resolver(CURL *curl)
{
#if LIBCURL_VERSION_NUM >= 0x075700
	/* The resolver's thread frees its data when getaddrinfo() returns. An older library at run
	 * time lacks this option, and waits. */
	curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
#else
	(void)curl;
#endif
}

int transport_open(const struct target *target, const char *proxy,
		   const struct transport_cas *proxy_cas, int timeout_ms, struct transport **ret,
		   struct reason *why)
{
	/* With a proxy, libcurl also waits for the answer to CONNECT. */
	const long all_ms = 2 * (long)timeout_ms;
	char words[CURL_ERROR_SIZE] = "";
	struct transport *t = calloc(1, sizeof(*t));
	CURLcode code;

	if (proxy == NULL)
		proxy = transport_environment_proxy(target->scheme);
	if (proxy == NULL)
		proxy = "";
	reason_set(why, "out of memory");
	if (t == NULL)
		return -1;
	t->curl = curl_easy_init();
	if (t->curl == NULL)
		goto fail;
	if (set_url(t->curl, target) != 0 || set_proxy(t, proxy, proxy_cas) != 0 ||
	    curl_easy_setopt(t->curl, CURLOPT_CONNECT_ONLY, 1L) != CURLE_OK ||
	    curl_easy_setopt(t->curl, CURLOPT_NOSIGNAL, 1L) != CURLE_OK ||
	    curl_easy_setopt(t->curl, CURLOPT_ERRORBUFFER, words) != CURLE_OK ||
	    curl_easy_setopt(t->curl, CURLOPT_CONNECTTIMEOUT_MS, (long)timeout_ms) != CURLE_OK ||
	    curl_easy_setopt(t->curl, CURLOPT_TIMEOUT_MS, all_ms) != CURLE_OK) {
		reason_set(why, "libcurl lacks an option, or there is no memory");
		goto fail;
	}
	transport_leave_resolver(t->curl);
	code = proxyauth_perform(t->curl, proxy, all_ms);
	if (code == CURLE_OK)
		code = curl_easy_getinfo(t->curl, CURLINFO_ACTIVESOCKET, &t->fd);
	if (code == CURLE_OK && t->fd == CURL_SOCKET_BAD)
		code = CURLE_COULDNT_CONNECT;
	if (code != CURLE_OK) {
		why_connect(why, t->curl, code, target, proxy, words, timeout_ms);
		goto fail;
	}
	curl_easy_setopt(t->curl, CURLOPT_ERRORBUFFER, NULL);
	*ret = t;
	return 0;
fail:
	transport_close(t);
	return -1;
}

void transport_close(struct transport *t)
{
	if (t == NULL)
		return;
	curl_easy_cleanup(t->curl);
	sk_X509_pop_free(t->proxy_cas, X509_free);
	free(t);
}

int transport_wait(const struct transport *t, enum transport_wait what, long long deadline)
{
	struct pollfd p = {.fd = t->fd, .events = what == TRANSPORT_WRITE ? POLLOUT : POLLIN};
	long long left;
	int r;

	do {
		left = deadline - transport_now();
		if (left <= 0)
			return 0;
		r = poll(&p, 1, (int)left);
	} while (r < 0 && errno == EINTR);
	return r;
}

static int error_of(const struct transport *t, CURLcode code)
{
	long error = 0;

	if (code == CURLE_AGAIN)
		return -EAGAIN;
	curl_easy_getinfo(t->curl, CURLINFO_OS_ERRNO, &error);
	return error > 0 && error != EAGAIN ? (int)-error : -ECONNRESET;
}

int transport_read(struct transport *t, void *buf, size_t size)
{
	size_t got = 0;
	CURLcode code = curl_easy_recv(t->curl, buf, size, &got);

	return code == CURLE_OK ? (int)got : error_of(t, code);
}

/* Returns the number of bytes written, or a negative errno. */
static int write_some(struct transport *t, const void *data, size_t len)
{
	size_t sent = 0;
	CURLcode code = curl_easy_send(t->curl, data, len, &sent);

	if (code == CURLE_OK && sent == 0 && len > 0)
		code = CURLE_AGAIN;
	return code == CURLE_OK ? (int)sent : error_of(t, code);
}

int transport_write(struct transport *t, const void *data, size_t len, long long deadline)
{
	const char *rest = data;

	while (len > 0) {
		int r = write_some(t, rest, len);

		if (r == -EAGAIN) {
			r = transport_wait(t, TRANSPORT_WRITE, deadline);
			if (r <= 0)
				return r == 0 ? -ETIMEDOUT : -errno;
			continue;
		}
		if (r < 0)
			return r;
		rest += r;
		len -= (size_t)r;
	}
	return 0;
}

static int bio_read(BIO *bio, char *buf, int size)
{
	int r = size <= 0 ? 0 : transport_read(BIO_get_data(bio), buf, (size_t)size);

	BIO_clear_retry_flags(bio);
	if (r == -EAGAIN)
		BIO_set_retry_read(bio);
	else if (r == 0)
		BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
	if (r >= 0)
		return r;
	errno = -r;
	return -1;
}

static int bio_write(BIO *bio, const char *data, int len)
{
	int r = len <= 0 ? 0 : write_some(BIO_get_data(bio), data, (size_t)len);

	BIO_clear_retry_flags(bio);
	if (r == -EAGAIN)
		BIO_set_retry_write(bio);
	if (r >= 0)
		return r;
	errno = -r;
	return -1;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
	(void)number;
	(void)pointer;
	if (command == BIO_CTRL_EOF)
		return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
	return command == BIO_CTRL_FLUSH;
}

/* One for all threads; it is never freed. */
static BIO_METHOD *method;

static void make_method(void)
{
	method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "transport");
	if (method != NULL && (BIO_meth_set_read(method, bio_read) != 1 ||
			       BIO_meth_set_write(method, bio_write) != 1 ||
			       BIO_meth_set_ctrl(method, bio_ctrl) != 1)) {
		BIO_meth_free(method);
		method = NULL;
	}
}

BIO *transport_bio(struct transport *t)
{
	static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
	BIO *bio;

	if (CRYPTO_THREAD_run_once(&once, make_method) != 1 || method == NULL)
		return NULL;
	bio = BIO_new(method);
	if (bio != NULL) {
		BIO_set_data(bio, t);
		BIO_set_init(bio, 1);
	}
	return bio;
}
