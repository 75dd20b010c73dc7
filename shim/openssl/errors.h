/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_ERRORS_H
#define CATRUST_ERRORS_H

#include "openssl/binding.h"

/*
 * Around the shim's own calls of a copy, so that their errors never reach the program's queue.
 * errors_forget() drops the errors so far, so that they do not pile up: the queue is a ring of 16,
 * and new errors push out the program's oldest. If the queue is almost full, and a single call
 * leaves more errors than there is room, the program's oldest errors can't be kept.
 */
struct errors errors_begin(const struct crypto *crypto);
void errors_forget(const struct crypto *crypto, struct errors errors);
void errors_end(const struct crypto *crypto, struct errors errors);

#endif
