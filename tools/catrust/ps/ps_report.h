/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_PS_REPORT_H
#define CATRUST_PS_REPORT_H

#include "ps/running.h"

#include <stdio.h>

/* Reports the processes that have the library or TLS. */
void ps_report_text(const struct running *r, FILE *to);
void ps_report_json(const struct running *r, FILE *to);

#endif
