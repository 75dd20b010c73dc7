/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_TEST_SHIM_OPENSSL_H
#define CATRUST_TEST_SHIM_OPENSSL_H

#include "openssl/binding.h"
#include "process/config.h"

/* The shim's own code, at work on the OpenSSL that the test is linked with. */

/* That copy, as the shim finds it in a process. */
struct ssl *linked_ssl(void);

EVP_PKEY *new_key(void);

/*
 * A certificate. cn: "a\nb" is two of them, NULL an empty subject; issuer NULL: itself; extensions:
 * a line each, as in openssl.cnf; nothing is added to them.
 */
struct cert_plan {
	const char *cn;
	X509 *issuer;
	EVP_PKEY *key, *issuer_key; /* NULL: the key's own */
	const char *extensions;	    /* NULL: none */
	bool version_1;
	bool expired;
};
X509 *new_cert(const struct cert_plan *plan);

#define ROOT_EXTENSIONS                                                                            \
	"basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n"               \
	"subjectKeyIdentifier=hash\n"
#define LEAF_EXTENSIONS                                                                            \
	"basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"                 \
	"extendedKeyUsage=serverAuth\nauthorityKeyIdentifier=keyid\n"

/* Writes a certificate as PEM, so that it is an anchor. */
void write_cert(const char *dir, const char *name, X509 *cert);

/* Makes dir the trust directory, and nothing else. */
void trust_only(const char *dir);

/* Who verifies: with an SSL in that role behind it, or with none. */
enum role { ROLE_CLIENT, ROLE_SERVER, ROLE_NONE };

struct attempt {
	enum role role;
	X509_STORE *store;
	X509 *leaf;
	STACK_OF(X509) * untrusted;	   /* what is sent along; NULL: nothing */
	STACK_OF(X509) * trusted;	   /* in place of the store's certificates; NULL: nothing */
	unsigned long flags;		   /* X509_V_FLAG_… */
	unsigned host_flags;		   /* X509_CHECK_FLAG_… */
	const char *sni;		   /* the name that the client asks for; NULL: none */
	const char *host, *address;	   /* that it verifies; NULL: none */
	int fd;				   /* the connection's socket; 0: none */
	bool verify_none;		   /* SSL_VERIFY_NONE */
	X509_STORE_CTX_verify_cb callback; /* the program's; NULL: none */
};

struct verdict {
	int ret, error, depth;
	const char *text; /* of the error */
	int in_store;	  /* certificates, afterwards */
	bool lent;	  /* the verification was lent anchors */
};

/* One verification through the point of policy, as libssl has it made. */
struct verdict verify_as(const struct attempt *attempt);

#endif
