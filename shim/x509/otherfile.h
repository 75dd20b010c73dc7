/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_OTHERFILE_H
#define CATRUST_OTHERFILE_H

#include <stddef.h>

/*
 * Recognizes files that people mistake for files of certificates (certfile.h), and returns a text
 * with the command that converts them. FILE in it stands for the file's name. NULL: not recognized.
 */
const char *otherfile_what(const unsigned char *data, size_t len);

#endif
