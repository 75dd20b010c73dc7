/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_ENVSWEEP_H
#define CATRUST_ENVSWEEP_H

/*
 * Removes the bundles in a directory of envbundle's that no run has asked for in 30 days, unless a
 * process that can be seen has one in its environment: that one is then as good as new. What can't
 * be told stays.
 */
void envsweep(int dir);

#endif
