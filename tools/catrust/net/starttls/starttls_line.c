/* SPDX-License-Identifier: Apache-2.0 */
/* SMTP and its like: lines that start with a status. */
#include "net/starttls/starttls_steps.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* A line without its end. */
struct line {
	const char *at;
	size_t len;
};

static bool starts(struct line line, const char *word)
{
	return line.len >= strlen(word) && strncasecmp(line.at, word, strlen(word)) == 0;
}

/* The word, and then the end or a character that no word goes on with. */
static bool starts_with_word(struct line line, const char *word)
{
	size_t len = strlen(word);

	return starts(line, word) && (line.len == len || !isalnum((unsigned char)line.at[len]));
}

static void refuse(struct starttls *s, struct reason *why, struct line line)
{
	starttls_refuse(s, why, s->step == 0 ? "the server greets with" : "the server says",
			line.at, line.len);
}

static void say_and_step(struct starttls *s, const char *text)
{
	starttls_say_text(s, text);
	s->step++;
}

/* Of an answer's lines, "250 text" is the last and "250-text" goes on. */
static bool has_code(struct line line, char after)
{
	for (size_t i = 0; i < 3; i++)
		if (line.len < 3 || !isdigit((unsigned char)line.at[i]))
			return false;
	return line.len == 3 ? after == ' ' : line.at[3] == after;
}

/* A code and what is said if it comes: answers to answers, until the one that permits TLS. */
struct step {
	const char *code, *say;
};

static void on_coded(struct starttls *s, struct line line, const struct step *steps,
		     struct reason *why)
{
	if (has_code(line, '-'))
		return;
	/* FTP's texts of several lines have lines without a code. */
	if (!has_code(line, ' ')) {
		if (s->protocol != STARTTLS_FTP)
			refuse(s, why, line);
		return;
	}
	if (!starts(line, steps[s->step].code))
		refuse(s, why, line);
	else if (steps[s->step].say == NULL)
		s->state = STARTTLS_READY;
	else
		say_and_step(s, steps[s->step].say);
}

static void on_imap(struct starttls *s, struct line line, struct reason *why)
{
	if (s->step == 0 && starts_with_word(line, "* OK"))
		say_and_step(s, "a STARTTLS\r\n");
	else if (s->step == 0 || starts_with_word(line, "* BYE"))
		refuse(s, why, line);
	else if (starts_with_word(line, "a OK"))
		s->state = STARTTLS_READY;
	else if (!starts(line, "* "))
		refuse(s, why, line);
}

static void on_pop3(struct starttls *s, struct line line, struct reason *why)
{
	if (!starts_with_word(line, "+OK"))
		refuse(s, why, line);
	else if (s->step == 0)
		say_and_step(s, "STLS\r\n");
	else
		s->state = STARTTLS_READY;
}

static void on_sieve(struct starttls *s, struct line line, struct reason *why)
{
	if (s->step == 0 && line.len > 0 && line.at[0] == '"')
		return; /* a capability */
	if (!starts_with_word(line, "OK"))
		refuse(s, why, line);
	else if (s->step == 0)
		say_and_step(s, "STARTTLS\r\n");
	else
		s->state = STARTTLS_READY;
}

/* ":server CODE nick :text". Notices and the like come in between. */
static void on_irc(struct starttls *s, struct line line, struct reason *why)
{
	struct line rest = line;
	const char *space;

	if (starts_with_word(line, "PING") && line.len < 512) {
		starttls_say_text(s, "PONG");
		starttls_say(s, line.at + 4, line.len - 4);
		starttls_say_text(s, "\r\n");
		return;
	}
	if (starts(line, ":")) {
		space = memchr(line.at, ' ', line.len);
		if (space == NULL)
			return;
		rest.at = space + 1;
		rest.len = line.len - (size_t)(rest.at - line.at);
	}
	if (starts_with_word(rest, "670"))
		s->state = STARTTLS_READY;
	else if (starts(rest, "4") || starts_with_word(rest, "691") ||
		 starts_with_word(rest, "ERROR"))
		starttls_refuse(s, why, "the server says", line.at, line.len);
}

size_t starttls_take_line(struct starttls *s, struct reason *why)
{
	static const struct step smtp[] = {
		{"220", "EHLO localhost\r\n"}, {"250", "STARTTLS\r\n"}, {"220", NULL}};
	static const struct step lmtp[] = {
		{"220", "LHLO localhost\r\n"}, {"250", "STARTTLS\r\n"}, {"220", NULL}};
	static const struct step ftp[] = {{"220", "AUTH TLS\r\n"}, {"234", NULL}};
	static const struct step nntp[] = {{"20", "STARTTLS\r\n"}, {"382", NULL}};
	const unsigned char *end = memchr(s->in, '\n', s->in_len);
	struct line line = {(const char *)s->in, 0};

	if (end == NULL)
		return 0;
	line.len = (size_t)(end - s->in);
	if (line.len > 0 && line.at[line.len - 1] == '\r')
		line.len--;
	switch (s->protocol) {
	case STARTTLS_SMTP:
		on_coded(s, line, smtp, why);
		break;
	case STARTTLS_LMTP:
		on_coded(s, line, lmtp, why);
		break;
	case STARTTLS_FTP:
		on_coded(s, line, ftp, why);
		break;
	case STARTTLS_NNTP:
		on_coded(s, line, nntp, why);
		break;
	case STARTTLS_IMAP:
		on_imap(s, line, why);
		break;
	case STARTTLS_POP3:
		on_pop3(s, line, why);
		break;
	case STARTTLS_SIEVE:
		on_sieve(s, line, why);
		break;
	default:
		on_irc(s, line, why);
	}
	return (size_t)(end + 1 - s->in);
}
