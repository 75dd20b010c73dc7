/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_BUNDLES_H
#define CATRUST_BUNDLES_H

/*
 * Which files are bundles of public CAs, by their names alone: asked for every file that a program
 * opens through stdio, so it looks at a few bytes.
 */
enum bundle {
	BUNDLE_NO,
	BUNDLE_IF_NAMED,  /* a usual ending: a bundle if a variable names it by now */
	BUNDLE_IF_PUBLIC, /* a usual name, that a private CA's file may have as well */
	BUNDLE_YES,	  /* nobody else's place */
};

enum bundle bundles_kind(const char *path);

#endif
