/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_NAMES_H
#define CATRUST_NAMES_H

#include "x509/der.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * The names of the server in a certificate: the subject alternative names (RFC 5280 4.2.1.6) that a
 * client may use, and the common names. Other names do not name a TLS server: directory names, or
 * the user principal names and GUIDs of domain controllers.
 */
enum name_kind {
	NAME_DNS,
	NAME_ADDRESS,
	NAME_URI,   /* RFC 3986; its host */
	NAME_EMAIL, /* RFC 5321, and SmtpUTF8Mailbox of RFC 8398; its domain */
	NAME_SRV,   /* _service.domain, RFC 4985 */
	NAME_XMPP,  /* RFC 6120 13.7.1.4; its domain */
	NAME_REALM, /* of RADIUS, RFC 7585 2.2 */
	NAME_COMMON,
	NAME_OTHER,
};

/* What a name stands for. */
enum name_host {
	NAME_IS_HOST,	    /* as text, perhaps with a wildcard; one word or a number too */
	NAME_IS_ADDRESS,    /* address, of address_len bytes; and as text */
	NAME_IS_NO_HOST,    /* no client takes it for a server */
	NAME_IS_UNREADABLE, /* malformed: clients may take it for anything */
};

enum { NAMES_TEXT = 254 };

struct name {
	enum name_kind kind;
	enum name_host host;
	char text[NAMES_TEXT]; /* "" for an unreadable one */
	unsigned char address[16];
	size_t address_len;	/* 4 or 16 */
	struct span unreadable; /* what is unreadable, for people */
};

/*
 * Opens the value of the extension subjectAltName (DER). *ret: its names, for names_next(). Returns
 * false if it is not a valid value.
 */
bool names_open(const unsigned char *der, size_t len, struct span *ret);

/*
 * Takes the next name off *rest. Returns false if there is no more. A name that can't be read is
 * the last one.
 */
bool names_next(struct span *rest, struct name *ret);

/* A common name in UTF-8. */
void names_common(const unsigned char *text, size_t len, struct name *ret);

/*
 * Is a common name of one word the first label of a DNS name? Many servers have such a pair:
 * server01 and server01.corp.example. Returns false for words that mean the client's own machine,
 * and for numbers, which getaddrinfo() takes for addresses.
 */
bool names_is_first_label(const char *word, const struct name *dns);

/* "common name", "DNS name", ... */
const char *names_kind(enum name_kind kind);

#endif
