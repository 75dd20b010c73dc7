/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/python_words.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <string.h>

/* Messages that differ between versions of OpenSSL. */
static const struct {
	int code, from, before;
	const char *words;
} wordings[] = {
	{9, 0, PYTHON_OPENSSL(3, 6), "certificate is not yet valid"},
	{9, PYTHON_OPENSSL(3, 6), 9999,
	 "certificate is not yet valid or the system clock is incorrect"},
	{18, 0, PYTHON_OPENSSL(3, 0), "self signed certificate"},
	{18, PYTHON_OPENSSL(3, 0), 9999, "self-signed certificate"},
	{19, 0, PYTHON_OPENSSL(3, 0), "self signed certificate in certificate chain"},
	{19, PYTHON_OPENSSL(3, 0), 9999, "self-signed certificate in certificate chain"},
	{24, 0, PYTHON_OPENSSL(3, 0), "invalid CA certificate"},
	{79, 0, PYTHON_OPENSSL(3, 0), "invalid CA certificate"},
	{26, 0, PYTHON_OPENSSL(3, 0), "unsupported certificate purpose"},
	{26, PYTHON_OPENSSL(3, 0), 9999, "unsuitable certificate purpose"},
};

char *python_words(int code, const char *host, int openssl, char buf[PYTHON_TEXT])
{
	const char *words = X509_verify_cert_error_string(code);

	/* These two are CPython's own. */
	if (code == X509_V_ERR_HOSTNAME_MISMATCH || code == X509_V_ERR_IP_ADDRESS_MISMATCH) {
		snprintf(buf, PYTHON_TEXT, "%s mismatch, certificate is not valid for '%s'.",
			 code == X509_V_ERR_HOSTNAME_MISMATCH ? "Hostname" : "IP address", host);
		return buf;
	}
	for (size_t i = 0; openssl != 0 && i < sizeof(wordings) / sizeof(*wordings); i++)
		if (wordings[i].code == code && wordings[i].from <= openssl &&
		    openssl < wordings[i].before)
			words = wordings[i].words;
	snprintf(buf, PYTHON_TEXT, "%s", words);
	return buf;
}

char *python_verify_text(int code, const char *host, int openssl, char buf[PYTHON_TEXT])
{
	char words[PYTHON_TEXT];

	snprintf(buf, PYTHON_TEXT,
		 "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: %.400s",
		 python_words(code, host, openssl, words));
	return buf;
}

/* CPython uses the names of the macros, which resemble OpenSSL's messages. */
static void write_mnemonic(const char *words, char *buf, size_t size)
{
	static const char renamed[] = "ssl/tls alert";
	size_t at = 0;

	if (strncmp(words, renamed, strlen(renamed)) == 0) {
		at = (size_t)snprintf(buf, size, "SSLV3_ALERT");
		words += strlen(renamed);
	}
	while (*words != '\0' && at + 1 < size) {
		int c = (unsigned char)*words++;

		buf[at++] = isalnum(c) ? (char)toupper(c) : '_';
	}
	buf[at] = '\0';
}

char *python_error_text(unsigned long error, char buf[PYTHON_TEXT])
{
	const char *words = ERR_reason_error_string(error);
	const char *library = ERR_GET_LIB(error) == ERR_LIB_SSL	   ? "SSL"
			      : ERR_GET_LIB(error) == ERR_LIB_X509 ? "X509"
			      : ERR_GET_LIB(error) == ERR_LIB_PEM  ? "PEM"
								   : NULL;
	char mnemonic[96];

	if (words == NULL)
		words = "unknown error";
	write_mnemonic(words, mnemonic, sizeof(mnemonic));
	if (library == NULL)
		snprintf(buf, PYTHON_TEXT, "%s", words);
	else if (ERR_COMMON_ERROR(error))
		snprintf(buf, PYTHON_TEXT, "[%s] %s", library, words);
	else
		snprintf(buf, PYTHON_TEXT, "[%s: %s] %s", library, mnemonic, words);
	return buf;
}

/* Replaces the words of some alerts by those of the other OpenSSL. */
static void reword_alert(int openssl, char buf[PYTHON_TEXT])
{
	static const char *const words[] = {"sslv3 alert", "ssl/tls alert"};
	bool newer = openssl >= PYTHON_OPENSSL(3, 2);
	char *at = openssl == 0 ? NULL : strstr(buf, words[!newer]);
	char rest[PYTHON_TEXT];

	if (at == NULL)
		return;
	snprintf(rest, sizeof(rest), "%s", at + strlen(words[!newer]));
	snprintf(at, (size_t)(buf + PYTHON_TEXT - at), "%s%s", words[newer], rest);
}

char *python_tls_text(const struct handshake_facts *f, int openssl, char buf[PYTHON_TEXT])
{
	bool before_3 = openssl != 0 && openssl < PYTHON_OPENSSL(3, 0);

	buf[0] = '\0';
	if (f->late)
		return buf;
	if (f->os_error != 0 && f->error == 0)
		snprintf(buf, PYTHON_TEXT, "[Errno %d] %s", f->os_error, strerror(f->os_error));
	else if (f->closed)
		snprintf(buf, PYTHON_TEXT, "TLS/SSL connection has been closed (EOF)");
	else if (f->eof)
		snprintf(buf, PYTHON_TEXT, "%sEOF occurred in violation of protocol",
			 before_3 ? "" : "[SSL: UNEXPECTED_EOF_WHILE_READING] ");
	else if (f->error != 0)
		python_error_text(f->error, buf);
	reword_alert(openssl, buf);
	return buf;
}

const char *python_os_exception(int error)
{
	switch (error) {
	case ENOENT:
		return "FileNotFoundError";
	case EISDIR:
		return "IsADirectoryError";
	case ENOTDIR:
		return "NotADirectoryError";
	case EACCES:
	case EPERM:
		return "PermissionError";
	case ECONNRESET:
		return "ConnectionResetError";
	case EPIPE:
		return "BrokenPipeError";
	default:
		return "OSError";
	}
}

const char *python_tls_exception(const struct handshake_facts *f)
{
	if (f->late)
		return "TimeoutError";
	if (f->eof)
		return f->closed ? "ssl.SSLZeroReturnError" : "ssl.SSLEOFError";
	return f->error == 0 && f->os_error != 0 ? python_os_exception(f->os_error)
						 : "ssl.SSLError";
}
