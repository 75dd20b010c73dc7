/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_TEST_ALLOCATION_H
#define CATRUST_TEST_ALLOCATION_H

#include <stdbool.h>
#include <stddef.h>

/* For tests in which malloc(), calloc() and realloc() of the code under test fail with ENOMEM. */

/* The one that fails next: 1 is the very next. 0: none fails. It counts down to 0. */
extern size_t allocation_to_fail;
/* All that follow that one fail too; then allocation_to_fail stays 1. */
extern bool allocation_all_fail;
/* Set when one fails. */
extern bool allocation_has_failed;

#endif
