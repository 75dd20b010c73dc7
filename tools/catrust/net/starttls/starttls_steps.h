/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_STARTTLS_STEPS_H
#define CATRUST_STARTTLS_STEPS_H

#include "net/starttls/starttls.h"

/*
 * What the parts of starttls.c have in common. Each protocol has a function that takes one piece
 * off the start of s->in: it returns how many bytes that was, or 0 if it needs more to tell.
 */
size_t starttls_take_line(struct starttls *s, struct reason *why);
size_t starttls_take_xmpp(struct starttls *s, struct reason *why);
size_t starttls_take_ldap(struct starttls *s, struct reason *why);
size_t starttls_take_postgres(struct starttls *s, struct reason *why);
size_t starttls_take_mysql(struct starttls *s, struct reason *why);

void starttls_say(struct starttls *s, const void *bytes, size_t len);
void starttls_say_text(struct starttls *s, const char *text);

/* Ends it: what is wrong, and, if len is not 0, what the server said. */
void starttls_refuse(struct starttls *s, struct reason *why, const char *wrong, const void *said,
		     size_t len);

#endif
