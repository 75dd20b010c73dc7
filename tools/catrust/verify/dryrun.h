/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_DRYRUN_H
#define CATRUST_DRYRUN_H

#include "net/target.h"
#include "store/scopes.h"

#include <openssl/x509.h>

/* How Python's ssl.create_default_context() verifies. */
enum dryrun_client {
	DRYRUN_TO_312,	 /* up to Python 3.12 */
	DRYRUN_FROM_313, /* from Python 3.13 on: X509_STRICT and PARTIAL_CHAIN */
};

struct dryrun {
	int error; /* X509_V_OK, or the first error */
	int depth; /* the error's place: 0 is the server's own certificate */
};

/* Verifies what a server sent like a client that trusts only anchors, within scopes; checks the
 * host name, too. Returns 0 and *ret, or -1: out of memory. */
int dryrun_verify(STACK_OF(X509) * sent, const STACK_OF(X509) * anchors,
		  const struct scopes *scopes, const struct target *host, enum dryrun_client client,
		  struct dryrun *ret);

#endif
