/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_PROXYAUTH_H
#define CATRUST_PROXYAUTH_H

#include <curl/curl.h>

/*
 * curl_easy_perform() through a proxy, "" for none. If the proxy accepts both Kerberos tickets and
 * passwords, libcurl tries only one of them. This also tries the other, in the rest of timeout_ms,
 * which is the CURLOPT_TIMEOUT_MS that was set.
 */
CURLcode proxyauth_perform(CURL *curl, const char *proxy, long timeout_ms);

#endif
