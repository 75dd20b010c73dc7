/* SPDX-License-Identifier: Apache-2.0 */
#include "openssl/errors.h"

#include "openssl/openssl_calls.h"

/* Flags of an error in the queue of 1.1.1, as in err.h. */
enum { ERROR_MARKED = 1 };

/* The flags of the topmost error; NULL if there is none, or the queue is not that of 1.1.1. */
static int *top_error(const struct crypto *crypto)
{
	enum { NUM_ERRORS = 16 };
	struct {
		int flags[NUM_ERRORS];
		unsigned long code[NUM_ERRORS];
		char *data[NUM_ERRORS];
		int data_flags[NUM_ERRORS];
		const char *file[NUM_ERRORS];
		int line[NUM_ERRORS];
		int top, bottom;
	} *state = crypto->err_state == NULL ? NULL : crypto->err_state();

	return state == NULL || state->top == state->bottom
		       ? NULL
		       : &state->flags[state->top % NUM_ERRORS];
}

/*
 * In 1.1.1 a mark is a flag, not a count. If somebody sets and clears a mark on the same error, as
 * d2i_X509() does, all marks on that error are gone. So we set our mark again, and put the
 * program's mark back.
 */
static void pop(const struct crypto *c, struct errors e)
{
	if (e.top != NULL)
		*e.top |= ERROR_MARKED;
	ERR_pop_to_mark();
}

struct errors errors_begin(const struct crypto *c)
{
	struct errors e = {.top = top_error(c)};

	if (e.top != NULL)
		e.top_flags = *e.top;
	ERR_set_mark();
	return e;
}

void errors_forget(const struct crypto *c, struct errors e)
{
	pop(c, e);
	ERR_set_mark();
}

void errors_end(const struct crypto *c, struct errors e)
{
	pop(c, e);
	if (e.top != NULL)
		*e.top = e.top_flags;
}
