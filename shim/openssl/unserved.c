/* SPDX-License-Identifier: Apache-2.0 */
#include "openssl/unserved.h"

#include "openssl/object.h"
#include "process/config.h"
#include "process/edition.h"
#include "process/log.h"

#include "openssl/openssl_calls.h"

static bool has_anchors(void)
{
	const struct edition *e;
	bool any;

	edition_refresh();
	e = edition_enter();
	any = e != NULL && e->anchors->count > 0;
	edition_leave();
	return any;
}

void unserved_tell(struct crypto *c)
{
	const char *version = "an OpenSSL before 1.1.0";
	struct object where;

	if (!config_active() || c->usable || !has_anchors() || atomic_exchange(&c->told, true))
		return;
	if (OpenSSL_version != NULL)
		version = OpenSSL_version(OPENSSL_VERSION);
	if (!object_at((const void *)c->module.start, &where) || where.path[0] == '\0')
		where.path = "the program";
	log_line(LOG_ERROR, where.path, ": this TLS library (", version,
		 ") is not one that catrust can add CAs to. It refused a certificate, ",
		 "and the trust directory does not count for it: ",
		 "name the CA in the program's own settings");
}
