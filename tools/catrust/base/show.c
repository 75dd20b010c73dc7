/* SPDX-License-Identifier: Apache-2.0 */
#include "show.h"

#include "fingerprint.h"

#include <langinfo.h>
#include <limits.h>
#include <locale.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

/* Until show_init() knows better. */
static unsigned terminal_flags = ESCAPE_ASCII;
static bool colour;

void show_init(void)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	if (setlocale(LC_CTYPE, "") != NULL && strcmp(nl_langinfo(CODESET), "UTF-8") == 0)
		terminal_flags = 0;
	colour = isatty(STDERR_FILENO) && (no_color == NULL || no_color[0] == '\0') &&
		 term != NULL && strcmp(term, "dumb") != 0;
}

char *show_text(const char *text, char buf[SHOW_MAX])
{
	return escape(buf, SHOW_MAX, text, strlen(text), terminal_flags);
}

/* The value of one part of a name, whatever string type it has. */
static void show_value(const ASN1_STRING *value, char *buf, size_t size)
{
	unsigned char *utf8 = NULL;
	int len = ASN1_STRING_to_UTF8(&utf8, value);

	if (len >= 0)
		escape(buf, size, utf8, (size_t)len, terminal_flags | ESCAPE_NAME);
	else
		escape(buf, size, ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value),
		       terminal_flags | ESCAPE_NAME);
	OPENSSL_free(utf8);
	ERR_clear_error();
}

char *show_name(const X509_NAME *name, char buf[SHOW_MAX])
{
	size_t at = 0;

	buf[0] = '\0';
	for (int i = X509_NAME_entry_count(name) - 1; i >= 0; i--) {
		const X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, i);
		const ASN1_OBJECT *type = X509_NAME_ENTRY_get_object(entry);
		char oid[80], value[200];
		int nid = OBJ_obj2nid(type), wrote;

		if (nid == NID_undef || OBJ_nid2sn(nid) == NULL)
			OBJ_obj2txt(oid, sizeof(oid), type, 1);
		show_value(X509_NAME_ENTRY_get_data(entry), value, sizeof(value));
		wrote = snprintf(buf + at, SHOW_MAX - at, "%s%s=%s", at > 0 ? ", " : "",
				 nid == NID_undef ? oid : OBJ_nid2sn(nid), value);
		if (wrote < 0 || (size_t)wrote >= SHOW_MAX - at) {
			/* Not in the middle of a character. */
			snprintf(buf + at, SHOW_MAX - at, "%s", SHOW_MAX - at > 5 ? ", ..." : "");
			break;
		}
		at += (size_t)wrote;
	}
	if (buf[0] == '\0')
		snprintf(buf, SHOW_MAX, "(no name)");
	return buf;
}

char *show_date(const ASN1_TIME *t, char buf[SHOW_MAX])
{
	struct tm tm;

	if (ASN1_TIME_to_tm(t, &tm) != 1 || strftime(buf, SHOW_MAX, "%Y-%m-%d", &tm) == 0)
		snprintf(buf, SHOW_MAX, "(not readable)");
	ERR_clear_error();
	return buf;
}

char *show_key(const X509 *cert, char buf[SHOW_MAX])
{
	EVP_PKEY *key = X509_get0_pubkey(cert);
	const char *type = key == NULL ? NULL : EVP_PKEY_get0_type_name(key);
	char group[80];

	if (type == NULL) {
		snprintf(buf, SHOW_MAX, "unknown");
	} else if (EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1) {
		const char *nist = EC_curve_nid2nist(OBJ_sn2nid(group));

		snprintf(buf, SHOW_MAX, "%s %s", type, nist == NULL ? group : nist);
	} else {
		snprintf(buf, SHOW_MAX, "%s %d bits", type, EVP_PKEY_get_bits(key));
	}
	ERR_clear_error();
	return buf;
}

static void show_sha256(FILE *to, const X509 *cert, const char *indent)
{
	char sha256[FINGERPRINT_TEXT];
	struct fingerprint f;

	if (fingerprint_of(cert, &f) == 0)
		fprintf(to, "%s    SHA-256  %s\n", indent, fingerprint_text(&f, sha256));
}

void show_identity(FILE *to, const X509 *cert, const char *indent)
{
	char buf[SHOW_MAX];

	fprintf(to, "%s%s\n", indent, show_name(X509_get_subject_name(cert), buf));
	show_sha256(to, cert, indent);
}

void show_certificate(FILE *to, const X509 *cert, const char *indent)
{
	char buf[SHOW_MAX], until[SHOW_MAX];

	fprintf(to, "%s%s\n", indent, show_name(X509_get_subject_name(cert), buf));
	if (X509_NAME_cmp(X509_get_subject_name(cert), X509_get_issuer_name(cert)) == 0)
		snprintf(buf, sizeof(buf), "itself");
	else
		show_name(X509_get_issuer_name(cert), buf);
	fprintf(to, "%s    issuer   %s\n", indent, buf);
	fprintf(to, "%s    valid    %s to %s\n", indent, show_date(X509_get0_notBefore(cert), buf),
		show_date(X509_get0_notAfter(cert), until));
	fprintf(to, "%s    key      %s\n", indent, show_key(cert, buf));
	show_sha256(to, cert, indent);
}

/* The columns of the terminal; 0: it is none, or so narrow that nothing is gained. */
static size_t columns_of(FILE *to)
{
	enum { LEAST = 40 };
	struct winsize size = {.ws_col = 0};

	if (!isatty(fileno(to)) || ioctl(fileno(to), TIOCGWINSZ, &size) != 0)
		return 0;
	return size.ws_col < LEAST ? 0 : size.ws_col;
}

/* How much of the line fits: up to the last space within columns, or else the whole first word. */
static size_t part_that_fits(const char *line, size_t len, size_t columns)
{
	size_t used = 0, space = 0;

	for (size_t i = 0; i < len; i++) {
		if (line[i] == ' ')
			space = i;
		/* The bytes after the first of a character of UTF-8 take no column. */
		used += ((unsigned char)line[i] & 0xc0) != 0x80;
		if (used > columns && space > 0)
			return space;
	}
	return len;
}

void show_wrapped(FILE *to, const char *text)
{
	size_t columns = columns_of(to);

	for (;;) {
		size_t len = strcspn(text, "\n");

		while (columns > 0 && text[0] != ' ') {
			size_t part = part_that_fits(text, len, columns);

			if (part == len)
				break;
			fprintf(to, "%.*s\n", (int)part, text);
			text += part + 1;
			len -= part + 1;
		}
		fwrite(text, 1, len, to);
		text += len;
		if (*text == '\0')
			return;
		fputc('\n', to);
		text++;
	}
}

/* What does not fit is cut: no message is as long. */
__attribute__((format(printf, 2, 0))) static void show_formatted(const char *start,
								 const char *format, va_list args)
{
	char text[4 * SHOW_MAX + PATH_MAX];
	size_t len = (size_t)snprintf(text, sizeof(text), "%s", start);

	vsnprintf(text + len, sizeof(text) - len, format, args);
	show_wrapped(stderr, text);
}

void show_line(enum show_style style, const char *format, ...)
{
	static const char *const start[] = {"", "\033[1;33m", "\033[1m"};
	bool coloured = colour && style != SHOW_PLAIN;
	va_list args;

	fputs(coloured ? start[style] : "", stderr);
	va_start(args, format);
	show_formatted("", format, args);
	va_end(args);
	fputs(coloured ? "\033[0m\n" : "\n", stderr);
}

void show_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	show_formatted("catrust: ", format, args);
	va_end(args);
	fputc('\n', stderr);
}
