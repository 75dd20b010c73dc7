/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_STRICT_H
#define CATRUST_STRICT_H

#include <stdbool.h>

/*
 * Does CATRUST_STRICT=relax forgive this X509_V_ERR_…? It forgives only errors that
 * X509_V_FLAG_X509_STRICT finds, and among them none about signatures, about whether a certificate
 * is a CA, or about names.
 */
bool strict_forgives(int error);

#endif
