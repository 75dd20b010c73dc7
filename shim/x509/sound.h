/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_SOUND_H
#define CATRUST_SOUND_H

#include "x509/der.h"

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
 * The dates in a validity (see der_subject()), in seconds since 1970. Accepts what X509_cmp_time()
 * accepts: UTCTime or GeneralizedTime, with seconds, in UTC. false if a date is anything else.
 */
bool sound_dates(struct span validity, int64_t *ret_from, int64_t *ret_until);

/* The same of a Name alone: if OpenSSL does not read it, there was no memory. */
bool sound_name(const unsigned char *der, size_t len);

#endif
