/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CATRUST_GNUTLS_API_H
#define CATRUST_GNUTLS_API_H

#include <stddef.h>

/*
 * The parts of GnuTLS's headers that the shim needs, written by hand: nothing else needs those
 * headers, and the ABI has been the same since 3.4. If the real header is installed,
 * tests/unit/gnutls_api.c compiles both together, and a wrong prototype does not compile.
 */
#ifndef GNUTLS_GNUTLS_H
typedef struct gnutls_session_int *gnutls_session_t;
typedef struct gnutls_certificate_credentials_st *gnutls_certificate_credentials_t;
typedef struct gnutls_x509_trust_list_st *gnutls_x509_trust_list_t;
typedef struct gnutls_x509_trust_list_iter *gnutls_x509_trust_list_iter_t;
typedef struct gnutls_x509_crt_int *gnutls_x509_crt_t;
typedef struct gnutls_x509_crl_int *gnutls_x509_crl_t;
typedef unsigned gnutls_credentials_type_t;
typedef unsigned gnutls_x509_crt_fmt_t;
typedef struct gnutls_typed_vdata_st gnutls_typed_vdata_st;
typedef struct {
	unsigned char *data;
	unsigned size;
} gnutls_datum_t;
#endif

enum {
	API_CRD_CERTIFICATE = 1,
	API_X509_FMT_DER = 0,
	API_CERT_INVALID = 1 << 1,
	API_CERT_SIGNER_NOT_FOUND = 1 << 6,
	API_E_INVALID_REQUEST = -50,
	API_E_INTERNAL_ERROR = -59,
};

int gnutls_certificate_verify_peers2(gnutls_session_t session, unsigned *status);
int gnutls_certificate_verify_peers3(gnutls_session_t session, const char *hostname,
				     unsigned *status);
int gnutls_certificate_verify_peers(gnutls_session_t session, gnutls_typed_vdata_st *data,
				    unsigned elements, unsigned *status);

int gnutls_certificate_set_x509_crl(gnutls_certificate_credentials_t res,
				    gnutls_x509_crl_t *crl_list, int crl_list_size);
int gnutls_certificate_set_x509_crl_file(gnutls_certificate_credentials_t res, const char *crlfile,
					 gnutls_x509_crt_fmt_t type);
int gnutls_certificate_set_x509_crl_mem(gnutls_certificate_credentials_t res,
					const gnutls_datum_t *CRL, gnutls_x509_crt_fmt_t type);
int gnutls_x509_trust_list_add_crls(gnutls_x509_trust_list_t list,
				    const gnutls_x509_crl_t *crl_list, unsigned crl_size,
				    unsigned flags, unsigned verification_flags);
int gnutls_x509_trust_list_add_trust_dir(gnutls_x509_trust_list_t list, const char *ca_dir,
					 const char *crl_dir, gnutls_x509_crt_fmt_t type,
					 unsigned tl_flags, unsigned tl_vflags);
int gnutls_x509_trust_list_add_trust_file(gnutls_x509_trust_list_t list, const char *ca_file,
					  const char *crl_file, gnutls_x509_crt_fmt_t type,
					  unsigned tl_flags, unsigned tl_vflags);
int gnutls_x509_trust_list_add_trust_mem(gnutls_x509_trust_list_t list, const gnutls_datum_t *cas,
					 const gnutls_datum_t *crls, gnutls_x509_crt_fmt_t type,
					 unsigned tl_flags, unsigned tl_vflags);

int gnutls_server_name_get(gnutls_session_t session, void *data, size_t *data_length,
			   unsigned *type, unsigned indx);
int gnutls_credentials_get(gnutls_session_t session, gnutls_credentials_type_t type, void **cred);
int gnutls_credentials_set(gnutls_session_t session, gnutls_credentials_type_t type, void *cred);
int gnutls_certificate_allocate_credentials(gnutls_certificate_credentials_t *res);
void gnutls_certificate_free_credentials(gnutls_certificate_credentials_t sc);
unsigned gnutls_certificate_get_verify_flags(gnutls_certificate_credentials_t res);
void gnutls_certificate_set_verify_flags(gnutls_certificate_credentials_t res, unsigned flags);
int gnutls_certificate_set_x509_trust_mem(gnutls_certificate_credentials_t res,
					  const gnutls_datum_t *ca, gnutls_x509_crt_fmt_t type);
void gnutls_certificate_get_trust_list(gnutls_certificate_credentials_t res,
				       gnutls_x509_trust_list_t *tlist);
int gnutls_x509_trust_list_iter_get_ca(gnutls_x509_trust_list_t list,
				       gnutls_x509_trust_list_iter_t *iter, gnutls_x509_crt_t *crt);
int gnutls_x509_crt_export(gnutls_x509_crt_t cert, gnutls_x509_crt_fmt_t format, void *output_data,
			   size_t *output_data_size);
void gnutls_x509_crt_deinit(gnutls_x509_crt_t cert);

#endif
