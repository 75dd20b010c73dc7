/* SPDX-License-Identifier: Apache-2.0 */
#include "certs/aia.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool v6_is_local(const struct in6_addr *a)
{
	const unsigned char *b = a->s6_addr;
	struct sockaddr_in v4 = {.sin_family = AF_INET};

	/* ::a.b.c.d and ::ffff:a.b.c.d, ::1 and :: among them; 64:ff9b::a.b.c.d is NAT64's. */
	if (IN6_IS_ADDR_UNSPECIFIED(a) || IN6_IS_ADDR_LOOPBACK(a) || IN6_IS_ADDR_LINKLOCAL(a) ||
	    IN6_IS_ADDR_MULTICAST(a))
		return true;
	if (!IN6_IS_ADDR_V4MAPPED(a) && !IN6_IS_ADDR_V4COMPAT(a) &&
	    memcmp(b, "\0\x64\xff\x9b\0\0\0\0\0\0\0\0", 12) != 0)
		return false;
	memcpy(&v4.sin_addr, b + 12, 4);
	return aia_address_is_local((const struct sockaddr *)&v4);
}

bool aia_address_is_local(const struct sockaddr *address)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	uint32_t ip;

	switch (address->sa_family) {
	case AF_INET:
		memcpy(&v4, address, sizeof(v4));
		ip = ntohl(v4.sin_addr.s_addr);
		return ip >> 24 == 127 || ip >> 24 == 0 || ip >> 16 == 0xa9fe || ip >> 28 >= 0xe;
	case AF_INET6:
		memcpy(&v6, address, sizeof(v6));
		return v6_is_local(&v6.sin6_addr);
	default:
		return true;
	}
}

/* Where and how long the address itself is, and its port; NULL: of another family. */
static const void *host_of(const struct sockaddr *a, size_t *len, in_port_t *port)
{
	const struct sockaddr_in *v4 = (const void *)a;
	const struct sockaddr_in6 *v6 = (const void *)a;

	switch (a->sa_family) {
	case AF_INET:
		*len = sizeof(v4->sin_addr);
		*port = v4->sin_port;
		return &v4->sin_addr;
	case AF_INET6:
		*len = sizeof(v6->sin6_addr);
		*port = v6->sin6_port;
		return &v6->sin6_addr;
	default:
		return NULL;
	}
}

static bool same_address(const struct sockaddr *a, const struct sockaddr *b, bool with_port)
{
	in_port_t port_a = 0, port_b = 0;
	size_t len_a = 0, len_b = 0;
	const void *host_a = host_of(a, &len_a, &port_a), *host_b = host_of(b, &len_b, &port_b);

	return host_a != NULL && host_b != NULL && len_a == len_b &&
	       memcmp(host_a, host_b, len_a) == 0 && (!with_port || port_a == port_b);
}

bool aia_same_address(const struct sockaddr *a, const struct sockaddr *b)
{
	return same_address(a, b, true);
}

bool aia_same_host(const struct sockaddr *a, const struct sockaddr *b)
{
	return same_address(a, b, false);
}

static bool host_is_local(const char *host)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	char bare[INET6_ADDRSTRLEN];
	size_t len = strlen(host);

	if (strcasecmp(host, "localhost") == 0 || strcasecmp(host, "localhost.") == 0 ||
	    (len > 10 && strcasecmp(host + len - 10, ".localhost") == 0))
		return true;
	if (inet_pton(AF_INET, host, &v4.sin_addr) == 1)
		return aia_address_is_local((const struct sockaddr *)&v4);
	if (host[0] != '[' || len < 3 || len - 2 >= sizeof(bare))
		return false;
	memcpy(bare, host + 1, len - 2);
	bare[len - 2] = '\0';
	return inet_pton(AF_INET6, bare, &v6.sin6_addr) != 1 ||
	       aia_address_is_local((const struct sockaddr *)&v6);
}

const char *aia_url_wrong(const char *url, bool local)
{
	char *scheme = NULL, *host = NULL;
	const char *wrong = NULL;
	CURLU *parts = curl_url();

	if (parts == NULL)
		return "out of memory";
	if (curl_url_set(parts, CURLUPART_URL, url, CURLU_DISALLOW_USER) != CURLUE_OK ||
	    curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
		wrong = "it is not a valid URL";
	else if (strcmp(scheme, "http") != 0)
		wrong = "only http is allowed";
	else if (curl_url_get(parts, CURLUPART_HOST, &host, 0) != CURLUE_OK)
		wrong = "it names no host";
	else if (!local && host_is_local(host))
		wrong = "it leads to this machine or its local network (--aia-local allows that)";
	curl_free(scheme);
	curl_free(host);
	curl_url_cleanup(parts);
	return wrong;
}

static bool is_printable(const unsigned char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] <= 0x20 || text[i] >= 0x7f)
			return false;
	return len > 0;
}

void aia_find_urls(const X509 *cert, struct aia_urls *ret)
{
	AUTHORITY_INFO_ACCESS *all = X509_get_ext_d2i(cert, NID_info_access, NULL, NULL);

	ret->count = 0;
	for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(all) && ret->count < AIA_MAX_URLS; i++) {
		const ACCESS_DESCRIPTION *one = sk_ACCESS_DESCRIPTION_value(all, i);
		const ASN1_STRING *uri;
		const unsigned char *text;
		size_t len;

		if (OBJ_obj2nid(one->method) != NID_ad_ca_issuers || one->location->type != GEN_URI)
			continue;
		uri = one->location->d.uniformResourceIdentifier;
		text = ASN1_STRING_get0_data(uri);
		len = (size_t)ASN1_STRING_length(uri);
		if (len >= AIA_MAX_URL || !is_printable(text, len))
			continue;
		memcpy(ret->url[ret->count], text, len);
		ret->url[ret->count][len] = '\0';
		if (aia_url_wrong(ret->url[ret->count], true) == NULL)
			ret->count++;
	}
	AUTHORITY_INFO_ACCESS_free(all);
	ERR_clear_error();
}

/* At most AIA_MAX_CERTS; takes over nothing. */
static bool add(STACK_OF(X509) * to, X509 *cert)
{
	return sk_X509_num(to) >= AIA_MAX_CERTS || X509_add_cert(to, cert, X509_ADD_FLAG_UP_REF);
}

static bool add_pkcs7(STACK_OF(X509) * to, const PKCS7 *p7)
{
	const STACK_OF(X509) *certs =
		PKCS7_type_is_signed(p7) && p7->d.sign != NULL ? p7->d.sign->cert : NULL;

	for (int i = 0; i < sk_X509_num(certs); i++)
		if (!add(to, sk_X509_value(certs, i)))
			return false;
	return true;
}

static bool add_pem(STACK_OF(X509) * to, const unsigned char *bytes, size_t len)
{
	BIO *bio = BIO_new_mem_buf(bytes, (int)len);
	bool ok = bio != NULL;
	char *name, *header;
	unsigned char *der;
	long der_len;

	while (ok && PEM_read_bio(bio, &name, &header, &der, &der_len) == 1) {
		const unsigned char *at = der;

		if (strcmp(name, PEM_STRING_PKCS7) == 0 || strcmp(name, "CMS") == 0) {
			PKCS7 *p7 = d2i_PKCS7(NULL, &at, der_len);

			ok = p7 == NULL || add_pkcs7(to, p7);
			PKCS7_free(p7);
		} else if (strstr(name, "CERTIFICATE") != NULL) {
			X509 *cert = d2i_X509(NULL, &at, der_len);

			ok = cert == NULL || add(to, cert);
			X509_free(cert);
		}
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_free(der);
	}
	BIO_free(bio);
	return ok;
}

STACK_OF(X509) * aia_read_answer(const unsigned char *bytes, size_t len)
{
	STACK_OF(X509) *certs = sk_X509_new_null();
	const unsigned char *at = bytes;
	PKCS7 *p7 = NULL;
	X509 *cert;
	bool ok = certs != NULL;

	if (len > AIA_MAX_ANSWER)
		return certs;
	cert = d2i_X509(NULL, &at, (long)len);
	at = bytes;
	if (cert == NULL)
		p7 = d2i_PKCS7(NULL, &at, (long)len);
	if (cert != NULL)
		ok = ok && add(certs, cert);
	else if (p7 != NULL)
		ok = ok && add_pkcs7(certs, p7);
	else
		ok = ok && add_pem(certs, bytes, len);
	X509_free(cert);
	PKCS7_free(p7);
	ERR_clear_error();
	if (!ok) {
		sk_X509_pop_free(certs, X509_free);
		certs = NULL;
	}
	return certs;
}

bool aia_issued(X509 *issuer, X509 *subject)
{
	EVP_PKEY *key = X509_get0_pubkey(issuer);
	bool yes = key != NULL && X509_check_issued(issuer, subject) == X509_V_OK &&
		   X509_verify(subject, key) == 1;

	ERR_clear_error();
	return yes;
}
