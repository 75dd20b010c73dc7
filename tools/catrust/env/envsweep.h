/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_ENVSWEEP_H
#define CATRUST_ENVSWEEP_H

/*
 * Removes those of envbundle's bundles in a directory that no run has used for 30 days. If a
 * visible process has one in its environment, that bundle then counts as new. In doubt, a bundle
 * stays.
 */
void envsweep(int dir);

#endif
