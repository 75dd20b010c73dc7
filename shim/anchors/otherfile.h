/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_OTHERFILE_H
#define CATRUST_OTHERFILE_H

#include <stddef.h>

/*
 * What a file is that people take for one of certificates (certfile.h), and the command that makes
 * such a one of it. FILE in it stands for the file's name. NULL: nothing that is known here.
 */
const char *otherfile_what(const unsigned char *data, size_t len);

#endif
