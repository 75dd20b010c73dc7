/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_STACKS_H
#define CATRUST_STACKS_H

#include "program/tlsfile.h"

#include <stdbool.h>
#include <stddef.h>

/* Is a TLS stack of a running program reached, by which layer, and if not, why and what would? */

/* Where the pointer to X509_verify_cert of a loaded file leads. */
enum stacks_slot {
	SLOT_UNKNOWN, /* not bound yet, or not to be read: the preloaded library comes first */
	SLOT_HOOKED,
	SLOT_ELSEWHERE,
};

/* A file that a program has loaded. */
struct stacks_use {
	const struct tls_file *file;
	const char *path;
	enum stacks_slot slot;
	bool is_main;	  /* the program itself */
	bool is_verified; /* a verification by its functions was seen */
	bool is_served;	  /* it was given a bundle with anchors */
};

/* How a program was started, and what it has loaded. */
struct stacks_program {
	bool is_preloaded; /* libcatrust.so is among the files */
	bool is_named;	   /* by its LD_PRELOAD */
	bool is_found;	   /* it ran already: nobody knows what was to be preloaded */
	bool is_secure;	   /* AT_SECURE: setuid, setgid, file capabilities */
	bool is_disabled;  /* CATRUST_DISABLE */
	bool files_off;	   /* CATRUST_FILES=off */
	bool java_store;   /* it is given a trust store of Java's */
	bool openssl_ca;   /* node is told to take OpenSSL's bundle: --use-openssl-ca */
	unsigned set;	   /* bits of enum tls_variable that are set, to files */
	unsigned good;	   /* those of them whose files have all anchors */
	uint16_t machine;  /* of the library that is preloaded */
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
	/* it is, but */
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
	struct tls_stack stack; /* with the kind and version of its libcrypto, where that has them
				 */
	int variable;		/* that reaches it, or would: enum tls_variable, or -1 */
	unsigned known;		/* bits of enum tls_variable: those that it knows */
	bool variable_lacks;	/* it is set, to a file without the anchors */
	bool is_seen;		/* it was seen to be reached */
	bool is_aside;		/* it is there for LDAP or RTMP alone, which few use */
};

/* A stack that is in reach is reached only if that was seen. A variable that is set is no evidence.
 */
enum stacks_result { RESULT_NO, RESULT_UNKNOWN, RESULT_YES };

enum stacks_result stacks_result(const struct stacks_verdict *verdict);

/* Why the library is not in a program; REASON_NONE if it is. */
enum stacks_reason stacks_lost(const struct stacks_program *program);

/* About stack i of file u of program. */
struct stacks_verdict stacks_judge(const struct stacks_program *program, size_t u, size_t i);

/* "OpenSSL", "Go crypto/tls" */
const char *stacks_kind_text(enum tls_kind kind);

/* One word, for programs, and in words. */
const char *stacks_reason_name(enum stacks_reason reason);
const char *stacks_reason_text(enum stacks_reason reason);
const char *stacks_layer_name(enum stacks_layer layer); /* NULL: none */

enum { STACKS_ADVICE = 400 };

/* What to do, in one or two sentences; "": nothing. Returns buf. */
const char *stacks_advice(const struct stacks_verdict *verdict, char buf[STACKS_ADVICE]);

#endif
