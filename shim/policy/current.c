/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/current.h"

#include "libc/text.h"
#include "process/edition.h"
#include "process/log.h"

void trust_tell_unreadable(const char *file, size_t line)
{
	char buf[24] = "";
	struct text number = TEXT(buf);

	if (line > 0)
		text_add_uint(&number, line);
	log_line(LOG_ERROR, file, line > 0 ? ": line " : "", buf,
		 ": OpenSSL can't read this certificate, skipped");
}

static void free_retired(struct retired *item)
{
	trust_free((struct trust *)item);
}

static void tell_problems(const struct trust *t, const struct anchors *anchors)
{
	for (size_t i = 0; t->count < anchors->count && i < anchors->count; i++)
		if (trust_find_same(t, &anchors->anchor[i]) == NULL)
			trust_tell_unreadable(anchors->anchor[i].file, anchors->anchor[i].line);
}

const struct trust *trust_enter(struct crypto *crypto)
{
	struct trust *known, *mine;
	const struct edition *e;

	edition_refresh();
	e = edition_enter();
	known = atomic_load(&crypto->trust);
	if (e != NULL && (known == NULL || known->generation < e->generation)) {
		mine = trust_make(crypto, e->anchors, known);
		if (mine != NULL) {
			mine->retired.free = free_retired;
			mine->generation = e->generation;
		}
		if (mine == NULL) {
			; /* The next verification tries again. */
		} else if (atomic_compare_exchange_strong(&crypto->trust, &known, mine)) {
			if (known != NULL)
				retire(&known->retired);
			tell_problems(mine, e->anchors);
			known = mine;
		} else {
			trust_free(mine);
		}
	}
	return known != NULL && known->count > 0 ? known : NULL;
}

void trust_leave(void)
{
	edition_leave();
}

void trust_read(struct crypto *crypto)
{
	(void)trust_enter(crypto);
	trust_leave();
}
