/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled only: are the shim's own declarations of GnuTLS those of the real headers? */
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "gnutls/gnutls_api.h"

_Static_assert((int)API_CRD_CERTIFICATE == (int)GNUTLS_CRD_CERTIFICATE, "credentials");
_Static_assert((int)API_X509_FMT_DER == (int)GNUTLS_X509_FMT_DER, "format");
_Static_assert((int)API_CERT_INVALID == (int)GNUTLS_CERT_INVALID, "status");
_Static_assert((int)API_CERT_SIGNER_NOT_FOUND == (int)GNUTLS_CERT_SIGNER_NOT_FOUND, "status");
_Static_assert((int)API_E_INVALID_REQUEST == GNUTLS_E_INVALID_REQUEST, "error");
_Static_assert((int)API_E_INTERNAL_ERROR == GNUTLS_E_INTERNAL_ERROR, "error");
_Static_assert(sizeof(gnutls_credentials_type_t) == sizeof(unsigned), "enumeration");
_Static_assert(sizeof(gnutls_x509_crt_fmt_t) == sizeof(unsigned), "enumeration");
_Static_assert(sizeof(gnutls_datum_t) == 16, "datum");
