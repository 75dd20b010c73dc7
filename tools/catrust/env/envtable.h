/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_ENVTABLE_H
#define CATRUST_ENVTABLE_H

/*
 * What a variable does to the program that reads it. Left out are those whose readers the library
 * reaches: REQUESTS_CA_BUNDLE overrides what a program asks for itself, PIP_CERT turns pip's
 * truststore off, and CURL_CA_BUNDLE, where nothing is set, is a second REQUESTS_CA_BUNDLE.
 */
enum envtable_effect {
	ENVTABLE_ADDS,	   /* to what is trusted anyway: the anchors are enough */
	ENVTABLE_REPLACES, /* all of it: the public CAs must be in the file as well */
	ENVTABLE_FOLLOWS, /* the same, but set only if the user has: another one counts otherwise */
};

struct envtable_row {
	const char *name; /* NULL: the end */
	enum envtable_effect effect;
};

extern const struct envtable_row envtable[];

#endif
