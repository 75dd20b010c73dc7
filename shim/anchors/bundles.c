/* SPDX-License-Identifier: Apache-2.0 */
#include "anchors/bundles.h"

#include <stddef.h>
#include <string.h>

/*
 * Endings of paths. An entry that is a whole path also matches below another root directory, as in
 * Nix.
 */
#define ROW(end, kind)                                                                             \
	{                                                                                          \
		end, sizeof(end) - 1, kind                                                         \
	}
#define ROW_OF_SYSTEM(path) ROW(path, BUNDLE_YES)
static const struct {
	char end[60]; /* an array, not a pointer, so that nothing needs relocation at start-up */
	unsigned char len;
	unsigned char kind;
} table[] = {
	/* Python; the certifi inside pip has the same ending */
	ROW("/certifi/cacert.pem", BUNDLE_YES),
	ROW("/requests/cacert.pem", BUNDLE_YES),
	ROW("/botocore/cacert.pem", BUNDLE_YES),
	ROW("/httplib2/cacerts.txt", BUNDLE_YES),
	ROW("/grpc/_cython/_credentials/roots.pem", BUNDLE_YES),
	ROW("/share/grpc/roots.pem", BUNDLE_YES),
	/* Perl, PHP */
	ROW("/Mozilla/CA/cacert.pem", BUNDLE_YES),
	ROW("/ca-bundle/res/cacert.pem", BUNDLE_YES),
	BUNDLES_OF_SYSTEMS(ROW_OF_SYSTEM),
	ROW("/etc/pki/ca-trust/extracted/openssl/ca-bundle.trust.crt", BUNDLE_YES),
	/* conda, a bundle unpacked from an archive (tmpabcdcacert.pem), and other programs that
	   have one */
	ROW("cacert.pem", BUNDLE_IF_PUBLIC),
	ROW("cert.pem", BUNDLE_IF_PUBLIC),
	ROW("roots.pem", BUNDLE_IF_PUBLIC),
	ROW("ca-bundle.pem", BUNDLE_IF_PUBLIC),
	ROW("ca-bundle.crt", BUNDLE_IF_PUBLIC),
	ROW("ca-certificates.crt", BUNDLE_IF_PUBLIC),
};

enum bundle bundles_kind(const char *path)
{
	size_t len = strlen(path);

	/* Most files do not end in .pem, .crt or .txt. */
	if (len < 8 || path[len - 4] != '.' || (path[len - 1] != 'm' && path[len - 1] != 't'))
		return BUNDLE_NO;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		size_t n = table[i].len;

		if (len >= n && path[len - 5] == table[i].end[n - 5] &&
		    memcmp(path + len - n, table[i].end, n) == 0)
			return (enum bundle)table[i].kind;
	}
	/* The letter in the middle tells .pem and .crt from .txt and others. */
	return path[len - 3] == 'p' || path[len - 3] == 'c' ? BUNDLE_IF_NAMED : BUNDLE_NO;
}
