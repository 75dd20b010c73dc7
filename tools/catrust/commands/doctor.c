/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/doctor.h"

const struct command doctor_command = {
	.name = "doctor",
	.arguments = "[OPTION...] TARGET",
	.summary = "says why verification fails, and what mends it",
	.help = "Connects to TARGET as Python does, names all causes for which Python up to 3.12, "
		"or 3.13\n"
		"and newer, would fail, each with Python's own words; says whether adding a CA "
		"would help,\n"
		"and the command that mends it. Saves nothing.\n\n"
		"TARGET is HOST, HOST:PORT, [IPV6]:PORT or a URL: https, smtp, imap, ldap, "
		"postgres...\n"
		"The port is 443 if not given.\n\n"
		"what to judge by, besides the trust directories:\n"
		"  --ca-bundle FILE          this bundle, instead of the system's\n"
		"  --python EXE              what this Python's ssl, certifi and requests really "
		"load\n"
		"  --dir DIR                 the trust directory, instead of CATRUST_DIR and the "
		"defaults\n"
		"  --public-bundle FILE      the public CAs (default: the system's)\n\n"
		"how to connect:\n"
		"  --starttls PROTO          what to speak before TLS, if TARGET does not tell; or "
		"none\n"
		"  --proxy URL               http, https, socks4, socks4a, socks5, socks5h "
		"(default: the\n"
		"                            environment's; \"\": none)\n"
		"  --servername NAME         the name to ask for and to verify, if not that of "
		"TARGET\n"
		"  --cert FILE, --key FILE   a client certificate and its key, PEM\n"
		"  --timeout S               seconds to wait at each step (10)\n"
		"  --no-aia                  do not fetch issuers from where certificates say they "
		"are\n"
		"  --aia-local               fetch them even from this machine and its link\n\n"
		"  --json                    tell it for programs\n"
		"  --help\n\n"
		"exit status: 0 it verifies already; 1 it fails, and the CA that is named would "
		"mend it;\n"
		"2 wrong usage; 3 no connection; 4 adding a CA would not help, and it says what "
		"would.\n",
	.options = OPTIONS_CONNECT | OPTION_DIR | OPTION_PUBLIC_BUNDLE | OPTION_JSON |
		   OPTION_CA_BUNDLE | OPTION_PYTHON,
	.least_args = 1,
	.most_args = 1,
	.run = doctor,
};
