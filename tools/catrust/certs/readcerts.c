/* SPDX-License-Identifier: Apache-2.0 */
#include "certs/readcerts.h"

#include "anchors/trustdir.h"
#include "base/show.h"
#include "certs/certforms.h"
#include "x509/certfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/err.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 64 << 10 };

/* To the end, at most TRUSTDIR_MAX_FILE bytes. Returns 0 or a negative errno. */
static int read_all(int fd, unsigned char **ret, size_t *ret_len)
{
	unsigned char *data = NULL;
	size_t room = 0, len = 0;
	int error = 0;

	for (;;) {
		ssize_t got;

		if (len == room) {
			unsigned char *bigger =
				len > TRUSTDIR_MAX_FILE ? NULL : realloc(data, room + CHUNK);

			if (bigger == NULL) {
				error = len > TRUSTDIR_MAX_FILE ? -EFBIG : -ENOMEM;
				break;
			}
			data = bigger;
			room += CHUNK;
		}
		got = read(fd, data + len, room - len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			error = got == 0 ? 0 : -errno;
			break;
		}
		len += (size_t)got;
	}
	if (error == 0 && len > TRUSTDIR_MAX_FILE)
		error = -EFBIG;
	if (error != 0) {
		free(data);
		return error;
	}
	*ret = data;
	*ret_len = len;
	return 0;
}

static int read_path(const char *path, unsigned char **ret, size_t *ret_len)
{
	struct stat st;
	int error, fd;

	if (strcmp(path, "-") == 0)
		return read_all(STDIN_FILENO, ret, ret_len);
	/* O_NONBLOCK: opening a FIFO must not wait. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) != 0)
		error = -errno;
	else if (S_ISDIR(st.st_mode))
		error = -EISDIR;
	else if (!S_ISREG(st.st_mode))
		error = -EINVAL;
	else
		error = read_all(fd, ret, ret_len);
	close(fd);
	return error;
}

X509 *readcerts_der(const unsigned char *der, size_t len)
{
	X509 *cert = len > LONG_MAX ? NULL : d2i_X509(NULL, &der, (long)len);

	ERR_clear_error();
	return cert;
}

static void add_problem(struct readcerts *r, struct certfile_place place, const char *reason)
{
	if (r->problems++ > 0)
		return;
	if (place.is_line || place.at > 0)
		reason_set(&r->problem, "%s %zu: %s", place.is_line ? "line" : "byte", place.at,
			   reason);
	else
		reason_set(&r->problem, "%s", reason);
}

static bool on_cert(void *arg, const unsigned char *der, size_t len, struct certfile_place place)
{
	struct readcerts *r = arg;
	X509 *cert = readcerts_der(der, len);

	r->found++;
	if (cert == NULL) {
		add_problem(r, place, "a certificate that OpenSSL does not understand");
		return true;
	}
	if (sk_X509_push(r->certs, cert) > 0)
		return true;
	X509_free(cert);
	return false;
}

static void on_problem(void *arg, struct certfile_place place, const char *reason)
{
	add_problem(arg, place, reason);
}

static const char *reason_of(int error)
{
	switch (error) {
	case EFBIG:
		return "larger than 8 MiB";
	case E2BIG:
		return "more than 4096 certificates";
	case EINVAL:
		return "not a regular file";
	default:
		return strerror(error);
	}
}

/* In place of data and len, if it is one of those forms. Returns 0 or a negative errno. */
static int convert(unsigned char **data, size_t *len)
{
	unsigned char *converted;
	size_t converted_len;
	int error = certforms_convert(*data, *len, &converted, &converted_len);

	if (error == 0 && converted != NULL) {
		free(*data);
		*data = converted;
		*len = converted_len;
	}
	return error;
}

static int read_certs(const char *path, bool any_form, struct readcerts *ret, struct reason *why)
{
	const char *name = NULL;
	struct readcerts r = {.certs = sk_X509_new_null()};
	struct certfile_sink sink = {on_cert, on_problem, &r};
	unsigned char *data = NULL;
	size_t len = 0;
	char shown[SHOW_MAX];
	int error = r.certs == NULL ? -ENOMEM : read_path(path, &data, &len);

	if (error == 0 && any_form)
		error = convert(&data, &len);
	if (error == 0)
		error = certfile_parse(data, len, &sink);
	if (error == 0 && r.found == 0)
		name = certforms_name(data, len);
	free(data);
	if (name != NULL) {
		reason_set(&r.problem, "%s", name);
		r.problems = 1;
	}
	if (error != 0) {
		reason_set(why, "%s: %s", show_text(path, shown), reason_of(-error));
		readcerts_clear(&r);
		return -1;
	}
	*ret = r;
	return 0;
}

int readcerts_file(const char *path, struct readcerts *ret, struct reason *why)
{
	return read_certs(path, false, ret, why);
}

int readcerts_any(const char *path, struct readcerts *ret, struct reason *why)
{
	return read_certs(path, true, ret, why);
}

void readcerts_clear(struct readcerts *r)
{
	sk_X509_pop_free(r->certs, X509_free);
	r->certs = NULL;
}
