/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_DIAGNOSE_H
#define CATRUST_DIAGNOSE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * What is known about failures of TLS and of verification: what Python says, what the cause is,
 * what mends it, and whether adding a CA does. Pure: no I/O, no certificates.
 */

/* Why a chain ends at no trust anchor: OpenSSL's codes do not tell these apart. */
enum diagnose_gap {
	GAP_NONE,		  /* another kind of error */
	GAP_UNKNOWN_ROOT,	  /* the root is known, but not trusted */
	GAP_UNKNOWN_ISSUER,	  /* a CA is missing that is not to be found */
	GAP_MISSING_INTERMEDIATE, /* the root is trusted; a CA below it is not sent */
	GAP_WRONG_INTERMEDIATE,	  /* the same, and another one of its name is sent */
	GAP_REKEYED_ROOT,	  /* trusted is one of its name with another key */
	GAP_SELF_SIGNED,	  /* the server's own certificate, which is no CA's */
	GAP_INTERMEDIATE_ONLY,	  /* an intermediate CA is trusted, its root is not */
};

struct diagnose_gap_facts {
	int code;
	bool self_signed; /* the server's own certificate */
	bool root_found;  /* sent, fetched or known here */
	bool root_trusted;
	bool ca_unsent;	       /* a CA between the server's own and the root */
	bool namesake_trusted; /* of the topmost CA; its key is another */
	bool namesake_sent;    /* of a CA that is not sent; its key is another */
};

enum diagnose_gap diagnose_gap(const struct diagnose_gap_facts *facts);

struct diagnosis {
	const char *cause, *fix; /* for the user, without a full stop */
	bool ca_helps;		 /* adding a CA, or another copy of it */
	bool relax;		 /* CATRUST_STRICT=relax forgives it */
};

/* depth: 0 is the server's own certificate. Never NULL. */
const struct diagnosis *diagnose_code(int code, int depth, enum diagnose_gap gap);

/* Does an error of this code say that no trust anchor was reached? */
bool diagnose_is_gap(int code);

/* A mere consequence of a missing issuer, which says nothing of its own? */
bool diagnose_is_consequence(int code);

enum { DIAGNOSE_TEXT = 512 };

/* The OpenSSL whose words are wanted; 0: that of this program. */
#define DIAGNOSE_OPENSSL(major, minor) ((major)*100 + (minor))

/* The words that follow "certificate verify failed: ". Returns buf. */
char *diagnose_words(int code, const char *host, int openssl, char buf[DIAGNOSE_TEXT]);

/* The exception's text, but for "(_ssl.c:NUMBER)" at its end. Returns buf. */
char *diagnose_text(int code, const char *host, int openssl, char buf[DIAGNOSE_TEXT]);

/* How a TLS handshake, or the first read after it, failed otherwise. */
struct diagnose_tls_facts {
	unsigned long error; /* of OpenSSL's queue, or 0 */
	int os_error;	     /* errno, or 0 */
	bool eof;	     /* the server closed the connection */
	bool closed;	     /* the same, and OpenSSL takes it for an orderly end */
	bool late;	     /* it said nothing in time */
	bool asked;	     /* for a client certificate */
	bool given;	     /* one was at hand */
	unsigned char first[8];
	size_t first_len; /* what the server said first */
};

enum diagnose_tls {
	TLS_FINE,
	TLS_PLAIN_TEXT,
	TLS_OLD_PROTOCOL,
	TLS_CLIENT_CERTIFICATE_WANTED,
	TLS_CLIENT_CERTIFICATE_REFUSED,
	TLS_LEGACY_RENEGOTIATION,
	TLS_NO_COMMON_CIPHER,
	TLS_WEAK_KEY_EXCHANGE,
	TLS_UNKNOWN_NAME,
	TLS_RESET,
	TLS_CLOSED,
	TLS_LATE,
	TLS_OTHER,
};

enum diagnose_tls diagnose_tls(const struct diagnose_tls_facts *facts);

/* NULL for TLS_FINE. */
const struct diagnosis *diagnose_tls_cause(enum diagnose_tls problem);

/* What Python says, as above. Empty where it would only wait. */
char *diagnose_tls_text(const struct diagnose_tls_facts *facts, int openssl,
			char buf[DIAGNOSE_TEXT]);

/* The name in --json. */
const char *diagnose_tls_name(enum diagnose_tls problem);

/* What speaks in plain text here, for the user, or NULL. */
const char *diagnose_plain_text(const unsigned char *first, size_t len);

/* The [LIBRARY: REASON] text of an error of OpenSSL's queue. Returns buf. */
char *diagnose_error_text(unsigned long error, char buf[DIAGNOSE_TEXT]);

/* The exception that Python makes of an errno. */
const char *diagnose_os_exception(int error);

/* The exception of a failure of TLS other than verification. */
const char *diagnose_tls_exception(const struct diagnose_tls_facts *facts);

/* Why a bundle can't be loaded: OpenSSL's error, or else an errno. Never NULL. */
const struct diagnosis *diagnose_bundle(int os_error, unsigned long error);

/* What catrust can do, and what would come of it. */
enum diagnose_plan {
	PLAN_FETCH,
	PLAN_WITH_INTERMEDIATE,
	PLAN_PIN,
	PLANS,
};

/* How many of the clients that are judged would accept the server. */
struct diagnose_remedy_facts {
	int clients;
	int plain;		 /* as they are */
	int here;		 /* with the trust directories */
	int here_relaxed;	 /* and CATRUST_STRICT=relax */
	int plan[PLANS];	 /* here, and what the plan adds; -1: it is not possible */
	int plan_relaxed[PLANS]; /* the same with CATRUST_STRICT=relax */
	int but_for_ca; /* would accept it but for a CA that is not to be found; -1: there is none
			 */
	bool is_public; /* the missing CA is publicly trusted */
};

enum diagnose_remedy_kind {
	REMEDY_NOTHING, /* all is well */
	REMEDY_RUN,	/* under catrust-run, all is well */
	REMEDY_FETCH,
	REMEDY_WITH_INTERMEDIATE,
	REMEDY_PIN,
	REMEDY_ADD,    /* the CA, whose certificate must come from elsewhere */
	REMEDY_RELAX,  /* CATRUST_STRICT=relax alone */
	REMEDY_BUNDLE, /* a bundle that has the public CAs */
	REMEDY_NONE,   /* nothing of catrust's */
};

struct diagnose_remedy {
	enum diagnose_remedy_kind kind;
	bool relax; /* CATRUST_STRICT=relax as well, for all clients to accept it */
};

struct diagnose_remedy diagnose_remedy(const struct diagnose_remedy_facts *facts);

/* The exit status: of enum status, command.h. */
int diagnose_status(const struct diagnose_remedy *remedy, bool tls_failed);

#endif
