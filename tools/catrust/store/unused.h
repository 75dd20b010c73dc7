/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_UNUSED_H
#define CATRUST_UNUSED_H

#include "anchors/trustdir.h"

/* Names the files of the trust directories that are not read because of their names. The library
 * says nothing about them: a README may lie there. */
void unused_show(const struct trustdir_sources *sources);

#endif
