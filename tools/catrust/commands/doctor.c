/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/doctor.h"

#include "cli/help.h"

/* clang-format off */
static const char help[] =
	"Connects to TARGET as Python does. Names every cause for which Python up to 3.12, or 3.13\n"
	"and newer, would fail, in Python's own words; says whether adding a CA would help, and\n"
	"which command fixes it. Saves nothing.\n"
	"\n"
	"TARGET is HOST, HOST:PORT, [IPV6]:PORT or a URL: https, smtp, imap, ldap, postgres...\n"
	"The port is 443 if not given.\n"
	"\n"
	"what to verify with, besides the trust directories:\n"
	"  --ca-bundle FILE          this bundle, instead of the system's\n"
	"  --python EXE              what the ssl, certifi and requests of this Python really load\n"
	"  --dir DIR                 the trust directory, instead of CATRUST_DIR and the defaults\n"
	"  --public-bundle FILE      the public CAs (default: the system's)\n"
	"\n"
	HELP_CONNECT
	"  --json                    print the result as JSON\n"
	"  --help\n"
	"\n"
	"exit status: 0 it verifies already; 1 it fails, and the CA that is named would fix it;\n"
	"2 wrong usage; 3 no connection; 4 adding a CA would not help; the text says what would.\n";
/* clang-format on */

const struct command doctor_command = {
	.name = "doctor",
	.arguments = "[OPTION...] TARGET",
	.summary = "says why verification fails, and what fixes it",
	.help = help,
	.options = OPTIONS_CONNECT | OPTION_DIR | OPTION_PUBLIC_BUNDLE | OPTION_JSON |
		   OPTION_CA_BUNDLE | OPTION_PYTHON,
	.least_args = 1,
	.most_args = 1,
	.run = doctor,
};
