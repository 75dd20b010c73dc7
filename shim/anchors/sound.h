/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_SOUND_H
#define CATRUST_SOUND_H

#include "anchors/der.h"

#include <stdint.h>

/*
 * Can any TLS library read the certificate, and is it valid now? This is for callers that hand the
 * certificate to a TLS library in a file: if the library can't read one certificate there, the
 * program loses its whole bundle, and one that has expired may hide a renewed one of the same name.
 * This is rather too strict: certificates of an unusual form fail. now: in seconds since 1970.
 */
bool sound_cert(const unsigned char *der, size_t len, int64_t now);

/* The same without the dates: d2i_X509() can read it, unless there is no memory. */
bool sound_form(const unsigned char *der, size_t len);

/*
 * The dates of a validity (der_subject()), in seconds since 1970, read as X509_cmp_time() does:
 * UTCTime or GeneralizedTime, with seconds and in UTC. false: they have another form.
 */
bool sound_dates(struct span validity, int64_t *ret_from, int64_t *ret_until);

/* The same for a Name alone: if OpenSSL then fails to read it, there was no memory. */
bool sound_name(const unsigned char *der, size_t len);

#endif
