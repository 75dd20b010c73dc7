/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_PYTHON_WORDS_H
#define CATRUST_PYTHON_WORDS_H

#include "net/handshake.h"

/* What Python says when verification or TLS fails. */

enum { PYTHON_TEXT = 512 };

/* The OpenSSL whose words are wanted; 0: the one of this program. */
#define PYTHON_OPENSSL(major, minor) ((major)*100 + (minor))

/* The words that follow "certificate verify failed: ". Returns buf. */
char *python_words(int code, const char *host, int openssl, char buf[PYTHON_TEXT]);

/* The exception's text, without "(_ssl.c:NUMBER)" at its end. Returns buf. */
char *python_verify_text(int code, const char *host, int openssl, char buf[PYTHON_TEXT]);

/* Python's message, as above. Empty if Python would only wait. */
char *python_tls_text(const struct handshake_facts *facts, int openssl, char buf[PYTHON_TEXT]);

/* The [LIBRARY: REASON] text of an error of OpenSSL's queue. Returns buf. */
char *python_error_text(unsigned long error, char buf[PYTHON_TEXT]);

/* The exception that Python raises for an errno. */
const char *python_os_exception(int error);

/* The exception for a TLS failure other than verification. */
const char *python_tls_exception(const struct handshake_facts *facts);

#endif
