/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_STACKS_H
#define CATRUST_STACKS_H

#include "program/tlsfile.h"

#include <stdbool.h>
#include <stddef.h>

/* Is a TLS stack of a running program reached, and by which layer? If not, why, and what would
 * reach it? */

/* The target of a loaded file's pointer to X509_verify_cert. */
enum stacks_slot {
	SLOT_UNKNOWN, /* not bound yet, or unreadable: the preloaded library comes first */
	SLOT_HOOKED,
	SLOT_ELSEWHERE,
};

/* A file that a program has loaded. */
struct stacks_use {
	const struct tls_file *file;
	const char *path;
	enum stacks_slot slot;
	bool is_main;	  /* the program itself */
	bool is_verified; /* it was seen verifying with its functions */
	bool is_served;	  /* it was seen getting a bundle with anchors */
};

/* How a program was started, and what it has loaded. */
struct stacks_program {
	bool is_preloaded; /* libcatrust.so is among the files */
	bool is_named;	   /* its LD_PRELOAD names the library */
	bool is_found;	   /* it was already running: its LD_PRELOAD at the start is unknown */
	bool is_secure;	   /* AT_SECURE: setuid, setgid, file capabilities */
	bool is_disabled;  /* CATRUST_DISABLE */
	bool files_off;	   /* CATRUST_FILES=off */
	bool java_store;   /* it gets a Java trust store */
	bool openssl_ca;   /* node must use OpenSSL's bundle: --use-openssl-ca */
	unsigned set;	   /* bits of enum tls_variable that are set to files */
	unsigned good;	   /* the ones whose files have all anchors */
	uint16_t machine;  /* of the preloaded library */
	struct stacks_use *use;
	size_t use_count;
};

enum stacks_layer { LAYER_NONE, LAYER_HOOKS, LAYER_FILES, LAYER_ENVIRONMENT };

enum stacks_reason {
	REASON_NONE,
	/* the library is not in the process */
	REASON_STATIC,
	REASON_OTHER_MACHINE,
	REASON_SECURE,
	REASON_CLEARED,
	REASON_ALONE,
	REASON_NOT_LOADED,
	/* the library is in the process, but */
	REASON_DISABLED,
	REASON_OLD,
	REASON_LOOKS_PAST,
	REASON_OWN,
	REASON_FILES_OFF,
	REASON_BUILT_IN,
	REASON_OTHER_VERIFY,
	REASON_OTHER_LIBRARY,
	REASONS,
};

struct stacks_verdict {
	enum stacks_layer layer;
	enum stacks_reason reason;
	struct tls_stack stack; /* with the kind and version of its libcrypto, if it has one */
	int variable;		/* the one that reaches it, or would: enum tls_variable, or -1 */
	unsigned known;		/* bits of enum tls_variable that it knows */
	bool variable_lacks;	/* it is set to a file without the anchors */
	bool is_seen;		/* it was seen that it is reached */
	bool is_aside;		/* it is there only for LDAP or RTMP, which few use */
};

/* A stack within reach counts as reached only if that was seen. A set variable is no evidence. */
enum stacks_result { RESULT_NO, RESULT_UNKNOWN, RESULT_YES };

enum stacks_result stacks_result(const struct stacks_verdict *verdict);

/* Why the library is not in a program; REASON_NONE if it is. */
enum stacks_reason stacks_lost(const struct stacks_program *program);

/* Judges stack i of file u of program. */
struct stacks_verdict stacks_judge(const struct stacks_program *program, size_t u, size_t i);

/* "OpenSSL", "Go crypto/tls" */
const char *stacks_kind_text(enum tls_kind kind);

/* One word, for programs; and a text. */
const char *stacks_reason_name(enum stacks_reason reason);
const char *stacks_reason_text(enum stacks_reason reason);
const char *stacks_layer_name(enum stacks_layer layer); /* NULL: none */

enum { STACKS_ADVICE = 400 };

/* What to do, in one or two sentences; "": nothing. Returns buf. */
const char *stacks_advice(const struct stacks_verdict *verdict, char buf[STACKS_ADVICE]);

#endif
