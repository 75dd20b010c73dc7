/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_HELP_H
#define CATRUST_HELP_H

/* What the help of more than one command says. */

/* clang-format off */
#define HELP_CONNECT \
	"how to connect:\n" \
	"  --starttls PROTO          the protocol before TLS, if TARGET does not imply it; or none\n" \
	"  --proxy URL               http, https, socks4, socks4a, socks5, socks5h\n" \
	"                            (default: from the environment; \"\": no proxy)\n" \
	"  --servername NAME         the name to ask for and to verify, if not that of TARGET\n" \
	"  --cert FILE, --key FILE   a client certificate and its key, in PEM\n" \
	"  --timeout S               how many seconds to wait at each step (10)\n" \
	"  --no-aia                  do not download missing issuers from the addresses that\n" \
	"                            certificates give (AIA)\n" \
	"  --aia-local               download them even from this machine and its local network\n" \
	"\n"
/* clang-format on */

#endif
