/* SPDX-License-Identifier: Apache-2.0 */
#include "net/proxyauth.h"

#include "net/transport.h"

#include <stdbool.h>

enum { PROXY_AUTHENTICATION_REQUIRED = 407 };

static bool has_user(const char *proxy)
{
	CURLU *parts = curl_url();
	char *user = NULL;
	bool has = parts != NULL &&
		   curl_url_set(parts, CURLUPART_URL, proxy,
				CURLU_GUESS_SCHEME | CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
		   curl_url_get(parts, CURLUPART_USER, &user, 0) == CURLUE_OK && user[0] != '\0';

	curl_free(user);
	curl_url_cleanup(parts);
	return has;
}

/* Did a proxy that accepts tickets refuse it because the login is missing? */
static bool takes_tickets(CURL *curl)
{
	long tunnel = 0, plain = 0, offered = 0;

	curl_easy_getinfo(curl, CURLINFO_HTTP_CONNECTCODE, &tunnel);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &plain);
	curl_easy_getinfo(curl, CURLINFO_PROXYAUTH_AVAIL, &offered);
	return (tunnel == PROXY_AUTHENTICATION_REQUIRED ||
		plain == PROXY_AUTHENTICATION_REQUIRED) &&
	       ((unsigned long)offered & CURLAUTH_NEGOTIATE) != 0;
}

CURLcode proxyauth_perform(CURL *curl, const char *proxy, long timeout_ms)
{
	long long deadline = transport_now() + timeout_ms, left;
	CURLcode code = curl_easy_perform(curl);
	bool user;

	if (proxy[0] == '\0' || !takes_tickets(curl))
		return code;
	left = deadline - transport_now();
	if (left <= 0)
		return code;
	user = has_user(proxy);
	/* An empty name and password mean the user's ticket. */
	if ((!user && curl_easy_setopt(curl, CURLOPT_PROXYUSERPWD, ":") != CURLE_OK) ||
	    curl_easy_setopt(curl, CURLOPT_PROXYAUTH,
			     user ? CURLAUTH_ANY & ~CURLAUTH_NEGOTIATE : CURLAUTH_NEGOTIATE) !=
		    CURLE_OK ||
	    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)left) != CURLE_OK)
		return code;
	return curl_easy_perform(curl);
}
