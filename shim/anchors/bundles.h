/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_BUNDLES_H
#define CATRUST_BUNDLES_H

/*
 * Which files are bundles of public CAs, by their names alone. This is called for every file that a
 * program opens through stdio, so it looks at only a few bytes.
 */
enum bundle {
	BUNDLE_NO,
	BUNDLE_IF_NAMED,  /* a usual ending: a bundle only if a variable names it now */
	BUNDLE_IF_PUBLIC, /* a usual name, which the file of a private CA may also have */
	BUNDLE_YES,	  /* a path that only a public bundle has */
};

/*
 * The bundles of the systems, for X(path). Red Hat's ca-bundle.trust.crt is not among them: it also
 * says what a CA is not trusted for, and a copy without that would be wrong.
 */
/* clang-format off */
#define BUNDLES_OF_SYSTEMS(X)                                                                      \
	/* Debian, Alpine, Arch, Gentoo; NixOS and Nix's nss-cacert */                             \
	X("/etc/ssl/certs/ca-certificates.crt"),                                                   \
	X("/etc/ssl/certs/ca-bundle.crt"),                                                         \
	/* Alpine */                                                                               \
	X("/etc/ssl/cert.pem"),                                                                    \
	/* Red Hat, Fedora, Amazon */                                                              \
	X("/etc/pki/tls/certs/ca-bundle.crt"),                                                     \
	X("/etc/pki/tls/cert.pem"),                                                                \
	X("/etc/pki/tls/cacert.pem"),                                                              \
	X("/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"),                                    \
	/* SUSE */                                                                                 \
	X("/etc/ssl/ca-bundle.pem"),                                                               \
	X("/var/lib/ca-certificates/ca-bundle.pem"),                                               \
	/* Arch */                                                                                 \
	X("/etc/ca-certificates/extracted/tls-ca-bundle.pem")
/* clang-format on */

enum bundle bundles_kind(const char *path);

#endif
