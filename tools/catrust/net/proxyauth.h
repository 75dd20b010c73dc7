/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_PROXYAUTH_H
#define CATRUST_PROXYAUTH_H

#include <curl/curl.h>

/*
 * curl_easy_perform() through a proxy, "" for none. If the proxy takes Kerberos tickets as well
 * as passwords, libcurl tries one of the two: here, the other one gets its turn, in what is left of
 * timeout_ms, the CURLOPT_TIMEOUT_MS that is set.
 */
CURLcode proxyauth_perform(CURL *curl, const char *proxy, long timeout_ms);

#endif
