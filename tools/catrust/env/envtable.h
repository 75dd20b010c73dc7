/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_ENVTABLE_H
#define CATRUST_ENVTABLE_H

/*
 * What a variable does to the program that reads it. Variables whose readers the library reaches
 * are left out: REQUESTS_CA_BUNDLE overrides the program's own choice, PIP_CERT switches pip's
 * truststore off, and CURL_CA_BUNDLE, if nothing is set, acts like REQUESTS_CA_BUNDLE.
 */
enum envtable_effect {
	ENVTABLE_ADDS,	   /* to what is already trusted: the anchors are enough */
	ENVTABLE_REPLACES, /* everything: the file must have the public CAs, too */
	ENVTABLE_FOLLOWS,  /* the same, but only set if the user has set it: otherwise another one
			      counts */
};

struct envtable_row {
	const char *name; /* NULL: the end */
	enum envtable_effect effect;
};

extern const struct envtable_row envtable[];

#endif
