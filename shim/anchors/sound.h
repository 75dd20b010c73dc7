/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_SOUND_H
#define CATRUST_SOUND_H

#include "anchors/der.h"

#include <stdint.h>

/*
 * Is it a certificate that any TLS library can read, and in date? For those who hand it to one by
 * way of a file: there, one that the library can't read would cost the program its whole bundle,
 * and one that has expired would stand before a renewed one of the same name. Rather too strict:
 * what has an unusual form is not sound. now: in seconds since 1970.
 */
bool sound_cert(const unsigned char *der, size_t len, int64_t now);

/* The same without the dates: d2i_X509() reads it, unless there is no memory. */
bool sound_form(const unsigned char *der, size_t len);

/*
 * The dates of a validity (der_subject()), in seconds since 1970. They are taken as X509_cmp_time()
 * takes them: UTCTime or GeneralizedTime, with seconds and in UTC. false: neither.
 */
bool sound_dates(struct span validity, int64_t *ret_from, int64_t *ret_until);

/* The same of a Name alone: if OpenSSL does not read it, there was no memory. */
bool sound_name(const unsigned char *der, size_t len);

#endif
