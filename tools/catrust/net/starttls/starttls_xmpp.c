/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 6120, as far as STARTTLS needs it: tags are told apart by their names. */
#include "net/starttls/starttls_steps.h"

#include <string.h>

/* One tag, from < to >. */
struct tag {
	const char *at;
	size_t len;
	bool closed; /* it ends in /> */
};

/* The name after the prefix that the server chose for the namespace, if any. */
static bool is_named(struct tag tag, const char *name)
{
	size_t start = 1, end;

	for (end = start; end < tag.len && strchr(" \t\r\n/>", tag.at[end]) == NULL; end++)
		if (tag.at[end] == ':')
			start = end + 1;
	return end - start == strlen(name) && strncmp(tag.at + start, name, end - start) == 0;
}

static bool is_end_of(struct tag tag, const char *name)
{
	struct tag inner = {tag.at + 1, tag.len - 1, false};

	return tag.len > 2 && tag.at[1] == '/' && is_named(inner, name);
}

static void on_tag(struct starttls *s, struct tag tag, struct reason *why)
{
	bool last_step = s->step == 1;

	if (is_named(tag, "error") || is_named(tag, "failure")) {
		starttls_refuse(s, why, "the server refuses", s->in, s->in_len);
	} else if (!last_step &&
		   (is_end_of(tag, "features") || (tag.closed && is_named(tag, "features")))) {
		starttls_say_text(s, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
		s->step++;
	} else if (is_end_of(tag, "stream")) {
		starttls_refuse(s, why, "the server closes the stream", NULL, 0);
	} else if (last_step &&
		   (is_end_of(tag, "proceed") || (tag.closed && is_named(tag, "proceed")))) {
		s->state = STARTTLS_READY;
	}
}

size_t starttls_take_xmpp(struct starttls *s, struct reason *why)
{
	const char *text = (const char *)s->in;
	const char *start = memchr(text, '<', s->in_len);
	const char *end;
	struct tag tag;
	char quote = '\0';

	if (start == NULL)
		return s->in_len; /* text between tags says nothing */
	for (end = start + 1; end < text + s->in_len; end++) {
		if (quote != '\0')
			quote = *end == quote ? '\0' : quote;
		else if (*end == '\'' || *end == '"')
			quote = *end;
		else if (*end == '>')
			break;
	}
	if (end == text + s->in_len)
		return 0;
	tag = (struct tag){start, (size_t)(end + 1 - start), end[-1] == '/'};
	on_tag(s, tag, why);
	return (size_t)(end + 1 - text);
}
