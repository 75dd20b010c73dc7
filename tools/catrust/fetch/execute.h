/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_EXECUTE_H
#define CATRUST_EXECUTE_H

#include "fetch/fetch.h"

/*
 * Plans what to save of a server that was connected to, shows it, and saves it once it is
 * confirmed. Sets what became of f.
 */
void execute(struct fetch *f);

#endif
