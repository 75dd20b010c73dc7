/* SPDX-License-Identifier: Apache-2.0 */
#include "store/problems.h"

#include "base/show.h"

#include <stdio.h>

void problems_each(const struct trusted *trusted, void (*tell)(void *arg, const char *text),
		   void *arg)
{
	const struct anchors *anchors = trusted->anchors;
	char text[PATH_MAX + 100], place[32];

	for (size_t i = 0; i < anchors->count; i++) {
		const struct anchor *anchor = &anchors->anchor[i];

		if (trusted->cert[i] != NULL)
			continue;
		if (anchor->line > 0)
			snprintf(place, sizeof(place), "line %zu: ", anchor->line);
		else
			place[0] = '\0';
		snprintf(text, sizeof(text), "%s: %sa certificate that OpenSSL does not understand",
			 anchor->file, place);
		tell(arg, text);
	}
	for (size_t i = 0; i < anchors->problem_count; i++)
		if (anchors->problem[i].level == TRUSTDIR_ERROR)
			tell(arg, anchors->problem[i].text);
	if (anchors->problems_lost == 0)
		return;
	snprintf(text, sizeof(text), "%zu more problems", anchors->problems_lost);
	tell(arg, text);
}

static void show_one(void *arg, const char *text)
{
	bool *any = arg;
	char shown[SHOW_MAX];

	show_error("%s", show_text(text, shown));
	*any = true;
}

bool problems_show(const struct trusted *trusted)
{
	bool any = false;

	problems_each(trusted, show_one, &any);
	return any;
}
