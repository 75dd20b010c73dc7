/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/aiafetch.h"

#include "certs/chain.h"
#include "net/proxyauth.h"
#include "net/transport.h"

#include <curl/curl.h>
#include <netdb.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* If less time is left, no request is started. */
enum { SHORTEST_MS = 10 };

/* One search up a chain. */
struct chase {
	const struct aiafetch_options *options;
	const char *proxy; /* "": none */
	char proxy_host[256];
	unsigned proxy_port;
	int all_ms;
	long long deadline; /* for all answers */
	unsigned char *answer;
	size_t answer_len;
	bool too_large, refused_address;
};

static size_t on_bytes(char *bytes, size_t size, size_t count, void *arg)
{
	struct chase *c = arg;
	size_t len = size * count;

	if (len > AIA_MAX_ANSWER - c->answer_len) {
		c->too_large = true;
		return 0;
	}
	memcpy(c->answer + c->answer_len, bytes, len);
	c->answer_len += len;
	return len;
}

/* Is address one of the proxy's name? The name was looked up a moment ago, so this is quick. */
static bool is_proxy(const struct chase *c, const struct sockaddr *address)
{
	const struct addrinfo hints = {.ai_family = address->sa_family, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;
	bool same = false;
	char port[16];

	if (c->proxy_host[0] == '\0')
		return false;
	snprintf(port, sizeof(port), "%u", c->proxy_port);
	if (getaddrinfo(c->proxy_host, port, &hints, &found) != 0)
		return false;
	for (const struct addrinfo *a = found; a != NULL && !same; a = a->ai_next)
		same = aia_same_address(a->ai_addr, address);
	freeaddrinfo(found);
	return same;
}

/* Is it an address of this machine, besides those that are local everywhere? The kernel then uses
 * the same address as the source. Nothing is sent. */
static bool is_own(const struct sockaddr *address, socklen_t len)
{
	int fd = socket(address->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_storage mine = {.ss_family = AF_UNSPEC};
	socklen_t mine_len = sizeof(mine);
	bool own;

	if (fd < 0)
		return false;
	own = connect(fd, address, len) == 0 &&
	      getsockname(fd, (struct sockaddr *)&mine, &mine_len) == 0 &&
	      aia_same_host((const struct sockaddr *)&mine, address);
	close(fd);
	return own;
}

/* Checks the address that is really connected to, at that moment. The proxy itself may be on this
 * machine. */
static curl_socket_t on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	/* libcurl's address is longer than its type says; see addrlen. */
	const char *from = (const char *)address + offsetof(struct curl_sockaddr, addr);
	struct sockaddr_storage storage = {.ss_family = AF_UNSPEC};
	const struct sockaddr *real = (const struct sockaddr *)&storage;
	struct chase *c = arg;

	(void)purpose;
	if (address->addrlen <= sizeof(storage))
		memcpy(&storage, from, address->addrlen);
	if (!c->options->local && (aia_address_is_local(real) || is_own(real, address->addrlen)) &&
	    !is_proxy(c, real)) {
		c->refused_address = true;
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* The host, without brackets, and the port of c->proxy. */
static void split_proxy(struct chase *c)
{
	CURLU *parts = curl_url();
	char *host = NULL, *port = NULL, *scheme = NULL;

	c->proxy_port = 1080; /* curl's default port for other proxies */
	if (parts != NULL &&
	    curl_url_set(parts, CURLUPART_URL, c->proxy,
			 CURLU_GUESS_SCHEME | CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
	    curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK) {
		bool brackets = host[0] == '[';

		snprintf(c->proxy_host, sizeof(c->proxy_host), "%.*s",
			 (int)strcspn(host + brackets, "]"), host + brackets);
		if (curl_url_get(parts, CURLUPART_PORT, &port, 0) == CURLUE_OK)
			c->proxy_port = (unsigned)strtoul(port, NULL, 10);
		else if (curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
			 strcmp(scheme, "https") == 0)
			c->proxy_port = 443;
	}
	curl_free(host);
	curl_free(port);
	curl_free(scheme);
	curl_url_cleanup(parts);
}

/* How long the next answer may take. */
static long time_left(const struct chase *c)
{
	long long left = c->deadline - transport_now();
	long ms = c->options->timeout_ms < AIA_MAX_MS ? c->options->timeout_ms : AIA_MAX_MS;

	if (left < ms)
		ms = left < 1 ? 1 : (long)left;
	return ms;
}

static CURL *new_request(struct chase *c, long ms)
{
	CURL *curl = curl_easy_init();

	if (curl != NULL)
		transport_leave_resolver(curl);
	if (curl != NULL &&
#if LIBCURL_VERSION_NUM >= 0x075500
	    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http") == CURLE_OK &&
#else
	    curl_easy_setopt(curl, CURLOPT_PROTOCOLS, CURLPROTO_HTTP) == CURLE_OK &&
#endif
	    curl_easy_setopt(curl, CURLOPT_PROXY, c->proxy) == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_PROXYAUTH, CURLAUTH_ANY) == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L) == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_USERAGENT, "catrust/" CATRUST_VERSION) == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, ms) == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes) == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_WRITEDATA, c) == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, on_socket) == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, c) == CURLE_OK)
		return curl;
	curl_easy_cleanup(curl);
	return NULL;
}

static void why_request(struct reason *why, const struct chase *c, CURL *curl, const char *url,
			CURLcode code)
{
	long status = 0;

	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	if (c->too_large)
		reason_set(why, "%s: the answer is larger than %d KiB", url, AIA_MAX_ANSWER / 1024);
	else if (c->refused_address)
		reason_set(why,
			   "%s: it leads to this machine or its local network (--aia-local allows "
			   "that)",
			   url);
	else if (code == CURLE_HTTP_RETURNED_ERROR)
		reason_set(why, "%s: status %ld", url, status);
	else
		reason_set(why, "%s: %s", url, curl_easy_strerror(code));
}

/* Short enough, and printable ASCII. */
static bool is_plain(const char *url)
{
	size_t len = strlen(url);

	for (size_t i = 0; i < len; i++)
		if (url[i] <= ' ' || url[i] >= 0x7f)
			return false;
	return len < AIA_MAX_URL;
}

/*
 * Gets the answer of url. Follows redirects one by one, to check each address. Returns 0, or *why.
 */
static int get(struct chase *c, const char *first_url, struct reason *why)
{
	char url[AIA_MAX_URL];
	int result = -1;

	snprintf(url, sizeof(url), "%s", first_url);
	for (int hop = 0; hop <= AIA_MAX_REDIRECTS; hop++) {
		const char *wrong = aia_url_wrong(url, c->options->local);
		bool go_on = false;
		char *next = NULL;
		CURL *curl;
		long ms;
		CURLcode code;

		if (wrong != NULL) {
			reason_set(why, "%s: %s", url, wrong);
			return -1;
		}
		if (c->deadline - transport_now() < SHORTEST_MS) {
			reason_set(why,
				   "%s: not downloaded, because the %d.%d s for downloads are over",
				   url, c->all_ms / 1000, c->all_ms % 1000 / 100);
			return -1;
		}
		ms = time_left(c);
		curl = new_request(c, ms);
		if (curl == NULL || curl_easy_setopt(curl, CURLOPT_URL, url) != CURLE_OK) {
			curl_easy_cleanup(curl);
			reason_set(why, "libcurl lacks an option, or there is no memory");
			return -1;
		}
		c->answer_len = 0;
		c->too_large = c->refused_address = false;
		code = proxyauth_perform(curl, c->proxy, ms);
		if (code != CURLE_OK) {
			why_request(why, c, curl, url, code);
			curl_easy_cleanup(curl);
			return -1;
		}
		curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &next);
		go_on = next != NULL && is_plain(next);
		if (go_on)
			memcpy(url, next, strlen(next) + 1);
		if (next == NULL)
			result = 0;
		curl_easy_cleanup(curl);
		if (!go_on && result == 0)
			return 0;
		if (!go_on)
			break;
	}
	reason_set(why, "%s: more than %d redirects, or an invalid one", first_url,
		   AIA_MAX_REDIRECTS);
	return -1;
}

static X509 *find_issuer(const STACK_OF(X509) * from, const STACK_OF(X509) * taken, X509 *subject)
{
	for (int i = 0; i < sk_X509_num(from); i++) {
		X509 *cert = sk_X509_value(from, i);

		if (!chain_contains(taken, cert) && X509_cmp(cert, subject) != 0 &&
		    aia_issued(cert, subject))
			return cert;
	}
	return NULL;
}

/* Gets the issuer of subject from one of its URLs. A reference for the caller, or NULL. */
static X509 *ask_for_issuer(struct chase *c, X509 *subject, const STACK_OF(X509) * taken,
			    struct reason *why)
{
	struct aia_urls *urls = malloc(sizeof(*urls));
	X509 *issuer = NULL;

	if (urls == NULL) {
		reason_set(why, "out of memory");
		return NULL;
	}
	aia_find_urls(subject, urls);
	for (size_t i = 0; i < urls->count && issuer == NULL; i++) {
		STACK_OF(X509) * certs;

		if (get(c, urls->url[i], why) != 0)
			continue;
		certs = aia_read_answer(c->answer, c->answer_len);
		issuer = find_issuer(certs, taken, subject);
		if (issuer != NULL)
			X509_up_ref(issuer);
		else
			reason_set(why, "%s: %s", urls->url[i],
				   sk_X509_num(certs) > 0
					   ? "the certificate there is not the issuer"
					   : "there is no certificate in the answer");
		sk_X509_pop_free(certs, X509_free);
	}
	free(urls);
	return issuer;
}

STACK_OF(X509) * aiafetch_issuers(X509 *cert, bool (*done)(void *arg, X509 *cert), void *arg,
				  const struct aiafetch_options *options, struct reason *why)
{
	struct chase c = {.options = options,
			  .proxy = options->proxy,
			  .all_ms = options->all_ms > 0 ? options->all_ms : AIA_MAX_ALL_MS,
			  .answer = malloc(AIA_MAX_ANSWER)};
	STACK_OF(X509) *found = sk_X509_new_null();
	bool ok = found != NULL && c.answer != NULL;

	c.deadline = transport_now() + c.all_ms;
	if (c.proxy == NULL)
		c.proxy = transport_environment_proxy("http");
	if (c.proxy == NULL)
		c.proxy = "";
	if (c.proxy[0] != '\0')
		split_proxy(&c);
	for (int depth = 0; ok && depth < AIA_MAX_DEPTH; depth++) {
		X509 *issuer;

		if (chain_is_root(cert) || done(arg, cert))
			break;
		issuer = ask_for_issuer(&c, cert, found, why);
		if (issuer == NULL)
			break;
		ok = sk_X509_push(found, issuer) > 0;
		if (!ok)
			X509_free(issuer);
		cert = issuer;
	}
	free(c.answer);
	if (!ok) {
		sk_X509_pop_free(found, X509_free);
		found = NULL;
	}
	return found;
}
