/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_EXECUTE_H
#define CATRUST_EXECUTE_H

#include "fetch/fetch.h"

/* Plans what to save of a server after connecting, shows it, and saves it if it is confirmed. Sets
 * the results in f. */
void execute(struct fetch *f);

#endif
