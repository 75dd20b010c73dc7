/* SPDX-License-Identifier: Apache-2.0 */
#include "bundles.h"

#include <stddef.h>
#include <string.h>

/* How paths end. What names a whole path is also found below another root, as Nix has them. */
static const struct {
	const char *end;
	enum bundle kind;
} table[] = {
	/* Python; pip's vendored certifi ends as certifi does */
	{"/certifi/cacert.pem", BUNDLE_YES},
	{"/requests/cacert.pem", BUNDLE_YES},
	{"/botocore/cacert.pem", BUNDLE_YES},
	{"/httplib2/cacerts.txt", BUNDLE_YES},
	{"/grpc/_cython/_credentials/roots.pem", BUNDLE_YES},
	{"/share/grpc/roots.pem", BUNDLE_YES},
	/* Perl, PHP */
	{"/Mozilla/CA/cacert.pem", BUNDLE_YES},
	{"/ca-bundle/res/cacert.pem", BUNDLE_YES},
	/* Debian, Alpine, Arch, Gentoo; NixOS and Nix's nss-cacert */
	{"/etc/ssl/certs/ca-certificates.crt", BUNDLE_YES},
	{"/etc/ssl/certs/ca-bundle.crt", BUNDLE_YES},
	/* Alpine */
	{"/etc/ssl/cert.pem", BUNDLE_YES},
	/* Red Hat, Fedora, Amazon */
	{"/etc/pki/tls/certs/ca-bundle.crt", BUNDLE_YES},
	{"/etc/pki/tls/cert.pem", BUNDLE_YES},
	{"/etc/pki/tls/cacert.pem", BUNDLE_YES},
	{"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", BUNDLE_YES},
	{"/etc/pki/ca-trust/extracted/openssl/ca-bundle.trust.crt", BUNDLE_YES},
	/* SUSE */
	{"/etc/ssl/ca-bundle.pem", BUNDLE_YES},
	{"/var/lib/ca-certificates/ca-bundle.pem", BUNDLE_YES},
	/* Arch */
	{"/etc/ca-certificates/extracted/tls-ca-bundle.pem", BUNDLE_YES},
	/* conda, a bundle unpacked from an archive (tmpabcdcacert.pem), and whoever else has one */
	{"cacert.pem", BUNDLE_IF_PUBLIC},
	{"cert.pem", BUNDLE_IF_PUBLIC},
	{"roots.pem", BUNDLE_IF_PUBLIC},
	{"ca-bundle.pem", BUNDLE_IF_PUBLIC},
	{"ca-bundle.crt", BUNDLE_IF_PUBLIC},
	{"ca-certificates.crt", BUNDLE_IF_PUBLIC},
};

enum bundle bundles_kind(const char *path)
{
	size_t len = strlen(path);

	/* Most files end otherwise than in .pem, .crt or .txt. */
	if (len < 8 || path[len - 4] != '.' || (path[len - 1] != 'm' && path[len - 1] != 't'))
		return BUNDLE_NO;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		size_t n = strlen(table[i].end);

		if (len >= n && memcmp(path + len - n, table[i].end, n) == 0)
			return table[i].kind;
	}
	return BUNDLE_NO;
}
