/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/doctor.h"

#include "cli/help.h"

/* clang-format off */
static const char help[] =
	"Connects to TARGET as Python does, and says why verification fails: every cause, for Python\n"
	"up to 3.12 and for Python 3.13 and newer, in Python's own words. Says whether adding a CA\n"
	"would help, and which command fixes the problem. Saves nothing.\n"
	"\n"
	"TARGET is HOST, HOST:PORT, [IPV6]:PORT or a URL: https, smtp, imap, ldap, postgres...\n"
	"The default port is 443.\n"
	"\n"
	"what to verify with, in addition to the trust directories:\n"
	"  --ca-bundle FILE          this bundle, instead of the system's\n"
	"  --python EXE              the CAs that ssl, certifi and requests of this Python load\n"
	"  --dir DIR                 the trust directory, instead of CATRUST_DIR and the defaults\n"
	"  --public-bundle FILE      the public CAs (default: the system's)\n"
	"\n"
	HELP_CONNECT
	"  --json                    print the result as JSON\n"
	"  --help\n"
	"\n"
	"exit status: 0 verification succeeds; 1 it fails, and the CA that is named would fix it;\n"
	"2 wrong usage; 3 no connection; 4 adding a CA is not enough, or would not help.\n";
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
