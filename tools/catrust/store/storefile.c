/* SPDX-License-Identifier: Apache-2.0 */
#include "store/storefile.h"

#include "base/show.h"
#include "certs/readcerts.h"
#include "program/script.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Java trusts a certificate in PKCS#12 only if the entry says for which purpose. */
#define TRUSTED_KEY_USAGE "2.16.840.1.113894.746875.1.1"

enum {
	MAX_BYTES = 8 << 20,
	MAX_CERTS = 4000,

	JKS_KEY = 1,
	JKS_CERT = 2,
};

struct cursor {
	const unsigned char *at;
	size_t left;
};

static bool skip(struct cursor *c, size_t len)
{
	if (len > c->left)
		return false;
	c->at += len;
	c->left -= len;
	return true;
}

/* Reads a number of len bytes, the highest first. */
static bool number(struct cursor *c, size_t len, uint32_t *ret)
{
	uint32_t value = 0;

	if (len > c->left)
		return false;
	for (size_t i = 0; i < len; i++)
		value = value << 8 | c->at[i];
	*ret = value;
	return skip(c, len);
}

/* Skips data whose length is in the len bytes before it. */
static bool skip_counted(struct cursor *c, size_t len)
{
	uint32_t size;

	return number(c, len, &size) && skip(c, size);
}

static bool push(STACK_OF(X509) * certs, X509 *cert)
{
	if (cert == NULL || sk_X509_num(certs) >= MAX_CERTS)
		X509_free(cert);
	else if (sk_X509_push(certs, cert) <= 0) {
		X509_free(cert);
		return false;
	}
	return true;
}

/* Reads a type (since version 2), and the certificate. certs NULL: skips it. */
static bool jks_cert(struct cursor *c, uint32_t version, STACK_OF(X509) * certs)
{
	uint32_t size;

	if ((version == 2 && !skip_counted(c, 2)) || !number(c, 4, &size) || size > c->left)
		return false;
	if (certs != NULL && !push(certs, readcerts_der(c->at, size)))
		return false;
	return skip(c, size);
}

static bool jks_entry(struct cursor *c, uint32_t version, STACK_OF(X509) * certs)
{
	uint32_t tag, chain;

	/* The alias and the date. */
	if (!number(c, 4, &tag) || !skip_counted(c, 2) || !skip(c, 8))
		return false;
	if (tag == JKS_CERT)
		return jks_cert(c, version, certs);
	if (tag != JKS_KEY || !skip_counted(c, 4) || !number(c, 4, &chain))
		return false;
	for (uint32_t i = 0; i < chain; i++)
		if (!jks_cert(c, version, NULL))
			return false;
	return true;
}

static bool read_jks(struct cursor c, STACK_OF(X509) * certs)
{
	uint32_t magic, version, count;

	if (!number(&c, 4, &magic) || !number(&c, 4, &version) || !number(&c, 4, &count) ||
	    version < 1 || version > 2)
		return false;
	for (uint32_t i = 0; i < count; i++)
		if (!jks_entry(&c, version, certs))
			return false;
	return true;
}

static bool is_trusted(const PKCS12_SAFEBAG *bag)
{
	const STACK_OF(X509_ATTRIBUTE) *attributes = PKCS12_SAFEBAG_get0_attrs(bag);
	char oid[80];

	for (int i = 0; i < sk_X509_ATTRIBUTE_num(attributes); i++) {
		X509_ATTRIBUTE *attribute = sk_X509_ATTRIBUTE_value(attributes, i);

		if (OBJ_obj2txt(oid, sizeof(oid), X509_ATTRIBUTE_get0_object(attribute), 1) > 0 &&
		    strcmp(oid, TRUSTED_KEY_USAGE) == 0)
			return true;
	}
	return false;
}

static bool read_safe(PKCS7 *safe, const char *password, STACK_OF(X509) * certs)
{
	int type = OBJ_obj2nid(safe->type);
	STACK_OF(PKCS12_SAFEBAG) *bags = NULL;
	bool ok = true;

	if (type == NID_pkcs7_data)
		bags = PKCS12_unpack_p7data(safe);
	else if (type == NID_pkcs7_encrypted)
		bags = PKCS12_unpack_p7encdata(safe, password, -1);
	if (bags == NULL)
		return false;
	for (int i = 0; ok && i < sk_PKCS12_SAFEBAG_num(bags); i++) {
		const PKCS12_SAFEBAG *bag = sk_PKCS12_SAFEBAG_value(bags, i);

		if (PKCS12_SAFEBAG_get_nid(bag) == NID_certBag && is_trusted(bag))
			ok = push(certs, PKCS12_SAFEBAG_get1_cert(bag));
	}
	sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
	return ok;
}

static bool read_pkcs12(struct cursor c, const char *password, STACK_OF(X509) * certs)
{
	PKCS12 *p12 = d2i_PKCS12(NULL, &c.at, (long)c.left);
	STACK_OF(PKCS7) *safes = p12 == NULL ? NULL : PKCS12_unpack_authsafes(p12);
	bool ok = safes != NULL;

	for (int i = 0; ok && i < sk_PKCS7_num(safes); i++)
		ok = read_safe(sk_PKCS7_value(safes, i), password, certs);
	sk_PKCS7_pop_free(safes, PKCS7_free);
	PKCS12_free(p12);
	return ok;
}

STACK_OF(X509) * storefile_parse(const unsigned char *data, size_t len, const char *password,
				 struct reason *why)
{
	struct cursor c = {data, len}, start = {data, len};
	STACK_OF(X509) *certs = sk_X509_new_null();
	uint32_t magic = 0;
	bool ok;

	if (certs == NULL) {
		reason_set(why, "out of memory");
		return NULL;
	}
	if (number(&start, 4, &magic) && magic == 0xfeedfeed)
		ok = read_jks(c, certs);
	else
		ok = read_pkcs12(c, password == NULL ? "changeit" : password, certs);
	ERR_clear_error();
	if (ok && sk_X509_num(certs) > 0)
		return certs;
	if (ok)
		reason_set(why, "no trusted certificate in it");
	else
		reason_set(why, "it can't be read: it is damaged, it is neither JKS nor PKCS#12, "
				"or the password is wrong");
	sk_X509_pop_free(certs, X509_free);
	return NULL;
}

/* Returns the length, or a negative errno. */
static ssize_t read_bytes(const char *path, unsigned char *data)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t got = 0, len = 0;
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) != 0)
		len = -errno;
	else if (!S_ISREG(st.st_mode))
		len = -EINVAL;
	while (len >= 0 && len < MAX_BYTES &&
	       (got = read(fd, data + len, (size_t)(MAX_BYTES - len))) > 0)
		len += got;
	if (got < 0)
		len = -errno;
	close(fd);
	return len == MAX_BYTES ? -EFBIG : len;
}

STACK_OF(X509) * storefile_read(const char *path, const char *password, struct reason *why)
{
	unsigned char *data = calloc(1, MAX_BYTES);
	ssize_t len = data == NULL ? -ENOMEM : read_bytes(path, data);
	STACK_OF(X509) *certs = NULL;
	struct reason reason = {""};
	char shown[SHOW_MAX];

	if (len < 0)
		reason_set(&reason, "%s", strerror((int)-len));
	else
		certs = storefile_parse(data, (size_t)len, password, &reason);
	if (certs == NULL)
		reason_set(why, "%s: %s", show_text(path, shown), reason.text);
	free(data);
	return certs;
}

bool storefile_default(char path[PATH_MAX])
{
	static const char *const places[] = {"lib/security/jssecacerts", "lib/security/cacerts",
					     "jre/lib/security/jssecacerts",
					     "jre/lib/security/cacerts"};
	const char *home = getenv("JAVA_HOME"), *search = getenv("PATH");
	char java[PATH_MAX], real[PATH_MAX];

	if (home == NULL || home[0] == '\0') {
		char *slash;

		if (search == NULL || !script_find("java", search, java) ||
		    realpath(java, real) == NULL)
			return false;
		/* HOME/bin/java */
		for (int i = 0; i < 2; i++) {
			slash = strrchr(real, '/');
			if (slash == NULL)
				return false;
			*slash = '\0';
		}
		home = real;
	}
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		int len = snprintf(path, PATH_MAX, "%s/%s", home, places[i]);

		if (len > 0 && len < PATH_MAX && access(path, R_OK) == 0)
			return true;
	}
	return false;
}
