/* SPDX-License-Identifier: Apache-2.0 */
#include "stacks/ways.h"

#include <stddef.h>

/* Does its kind, as far as known, read the system's bundle, or a file that is mounted over, too? */
static bool reads_bundle(enum tls_kind kind)
{
	/* NSS has its CAs in a library, or in a database. */
	return kind != TLS_NSS && kind != TLS_JAVA;
}

static enum ways without_library(const struct stacks_verdict *v)
{
	if (v->known != 0 || v->stack.kind == TLS_JAVA)
		return WAY_ENV;
	return v->reason != REASON_BUILT_IN && reads_bundle(v->stack.kind) ? WAY_MOUNT : WAY_NONE;
}

enum ways ways_of(const struct stacks_verdict *v)
{
	if (v->layer == LAYER_ENVIRONMENT)
		return WAY_ENV;
	if (v->layer != LAYER_NONE)
		return WAY_RUN;
	switch (v->reason) {
	case REASON_SECURE:
	case REASON_CLEARED:
		return WAY_ENABLE;
	case REASON_NOT_LOADED:
	case REASON_DISABLED:
		return WAY_NONE; /* there is an obstacle that no way removes */
	default:
		return without_library(v);
	}
}

const char *ways_command(unsigned ways)
{
	static const char *const run[] = {"catrust-run", "catrust-run --env", "catrust-run --mount",
					  "catrust-run --env --mount"};

	if ((ways & WAY_NONE) != 0)
		return NULL;
	if ((ways & WAY_ENABLE) != 0)
		return (ways & (WAY_ENV | WAY_MOUNT)) != 0 ? "catrust enable --system --env"
							   : "catrust enable --system";
	return run[((ways & WAY_ENV) != 0 ? 1 : 0) + ((ways & WAY_MOUNT) != 0 ? 2 : 0)];
}
