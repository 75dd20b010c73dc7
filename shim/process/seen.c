/* SPDX-License-Identifier: Apache-2.0 */
#include "process/seen.h"

/* Initialized, so that it is in a mapping of the library's file. */
struct seen seen = {.magic = SEEN_MAGIC, .version = CATRUST_VERSION};
