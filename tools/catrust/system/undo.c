/* SPDX-License-Identifier: Apache-2.0 */
#include "system/undo.h"

#include "base/show.h"
#include "system/preload.h"
#include "system/variables.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Removes a file that others also write to only if they have written nothing. */
static int remove_file(const char *path, struct reason *why)
{
	bool shared = strcmp(path, PRELOAD_PATH) == 0 || variables_is_shared(path);
	char shown[SHOW_MAX];
	struct stat st;

	if (lstat(path, &st) != 0 || (shared && st.st_size > 0) || unlink(path) == 0 ||
	    errno == ENOENT)
		return 0;
	reason_set(why, "%s: %s", show_text(path, shown), strerror(errno));
	return -1;
}

static int undo(enum record_kind kind, const char *path, struct reason *why)
{
	switch (kind) {
	case RECORD_PRELOAD:
		return preload_remove(path, why);
	case RECORD_VARIABLES:
		return variables_remove_bundles(why);
	case RECORD_BLOCK:
		return variables_remove_block(path, why);
	case RECORD_FILE:
		return remove_file(path, why);
	case RECORD_DIRECTORY:
		(void)rmdir(path); /* fails if it has files of others */
		return 0;
	default:
		return 0;
	}
}

static void undo_all(struct record *r, size_t first, bool preloads, struct reason *why)
{
	for (size_t i = r->count; i-- > first;) {
		struct reason this = {""};

		if ((r->item[i].kind == RECORD_PRELOAD) != preloads)
			continue;
		/* If a program's variable names a missing bundle, the program trusts nobody. */
		if (r->item[i].kind == RECORD_VARIABLES && why->text[0] != '\0')
			continue;
		if (undo(r->item[i].kind, r->item[i].path, &this) == 0)
			record_remove(r, i);
		else if (why->text[0] == '\0')
			*why = this;
	}
}

int undo_from(struct record *r, size_t first, struct reason *why)
{
	struct reason of_record = {""};

	why->text[0] = '\0';
	undo_all(r, first, true, why);
	undo_all(r, first, false, why);
	if (record_write(r, &of_record) != 0 && why->text[0] == '\0')
		*why = of_record;
	return why->text[0] == '\0' ? 0 : -1;
}
