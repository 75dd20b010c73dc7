/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_MUST_H
#define CATRUST_MUST_H

#include <stdio.h>
#include <stdlib.h>

/* What a fuzz target finds to be so; or else it says where, and aborts. */
#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: violated: %s\n", __FILE__, __LINE__, #condition);  \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

#endif
