/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/doctor.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECURITY_LEVEL = 2 };

/* From Modules/_ssl.c of CPython 3.10 and newer. */
static const char cpython_ciphers[] = "@SECLEVEL=2:ECDH+AESGCM:ECDH+CHACHA20:ECDH+AES:DHE+AES:"
				      "!aNULL:!eNULL:!aDSS:!SHA1:!AESCCM";

static const unsigned long flags_to_312 = X509_V_FLAG_TRUSTED_FIRST;
static const unsigned long flags_from_313 =
	X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_X509_STRICT | X509_V_FLAG_PARTIAL_CHAIN;

static struct doctor_client *add_client(struct doctor *d, const char *name)
{
	struct doctor_client *c = &d->client[d->clients++];

	c->name = name;
	c->how = (struct verify_how){.level = SECURITY_LEVEL, .common_name = true};
	return c;
}

/* strict: the program fails if its bundle can't be read. */
static void load(struct doctor_client *c, const char *file, const char *dir, bool strict)
{
	snprintf(c->file, sizeof(c->file), "%s", file == NULL ? "" : file);
	if (verify_load(file, dir, &c->store, &c->load_error) == 0)
		return;
	c->load_failed = strict;
	if (!strict)
		verify_load(NULL, dir, &c->store, &c->load_error);
}

/* As SSL_CTX_set_default_verify_paths() chooses. */
static void load_default(struct doctor_client *c)
{
	const char *file = getenv(X509_get_default_cert_file_env());
	const char *dir = getenv(X509_get_default_cert_dir_env());

	load(c, file == NULL ? X509_get_default_cert_file() : file,
	     dir == NULL ? X509_get_default_cert_dir() : dir, false);
}

static void add_generations(struct doctor *d)
{
	static const struct {
		const char *name, *label;
		const unsigned long *flags;
	} generations[] = {
		{"python_3_12", "Python up to 3.12", &flags_to_312},
		{"python_3_13", "Python 3.13 and newer", &flags_from_313},
	};

	for (size_t i = 0; i < sizeof(generations) / sizeof(*generations); i++) {
		struct doctor_client *c = add_client(d, generations[i].name);

		snprintf(c->label, sizeof(c->label), "%s", generations[i].label);
		c->how.flags = *generations[i].flags;
		if (d->options->ca_bundle == NULL)
			load_default(c);
		else
			load(c, d->options->ca_bundle, NULL, true);
	}
}

static void add_interpreter(struct doctor *d)
{
	static const char *const names[INTERPRETER_KINDS] = {"ssl", "certifi", "requests"};
	const char *bundle = d->options->ca_bundle;

	for (int i = 0; i < INTERPRETER_KINDS; i++) {
		const struct interpreter_client *from = &d->python.client[i];
		struct doctor_client *c;

		if (!d->python.has[i] || (bundle != NULL && i != INTERPRETER_SSL))
			continue;
		c = add_client(d, names[i]);
		if (i == INTERPRETER_SSL)
			snprintf(c->label, sizeof(c->label), "ssl of Python %.31s (%.63s)",
				 d->python.version, d->python.openssl);
		else
			snprintf(c->label, sizeof(c->label), "%s %.63s", names[i], from->version);
		c->how.flags = from->flags;
		c->how.common_name = from->common_name;
		c->how.name_last = from->name_last;
		if (from->level >= 0)
			c->how.level = from->level;
		c->openssl = d->python.openssl_version;
		c->how.before_3 = c->openssl < PYTHON_OPENSSL(3, 0);
		if (bundle != NULL)
			load(c, bundle, NULL, true);
		else
			load(c, from->file[0] == '\0' ? NULL : from->file,
			     from->dir[0] == '\0' ? NULL : from->dir, from->strict_file);
	}
}

void doctor_add_clients(struct doctor *d)
{
	if (d->options->python != NULL)
		add_interpreter(d);
	else
		add_generations(d);
}

void doctor_write_load_error(const struct doctor_client *c, struct doctor_verdict *v)
{
	const struct verify_load_error *e = &c->load_error;

	if (e->os_error == 0) {
		v->exception = "ssl.SSLError";
		python_error_text(e->error, v->text);
	} else if (e->os_error == ENOENT && strcmp(c->name, "requests") == 0) {
		v->exception = "OSError";
		snprintf(
			v->text, sizeof(v->text),
			"Could not find a suitable TLS CA certificate bundle, invalid path: %.400s",
			c->file);
	} else {
		v->exception = python_os_exception(e->os_error);
		snprintf(v->text, sizeof(v->text), "[Errno %d] %s", e->os_error,
			 strerror(e->os_error));
	}
}

struct handshake_client doctor_client_tls(const struct doctor *d)
{
	struct handshake_client c = {
		.ciphers = cpython_ciphers,
		.level = SECURITY_LEVEL,
		.minimum = TLS1_2_VERSION,
		.reads_on = true,
	};

	if (d->options->python != NULL) {
		c.ciphers = d->python.ciphers;
		c.level = d->client[0].how.level;
		c.minimum = d->python.minimum;
		/* Newer ones import nothing older at level 1, and ours may. */
		if (c.level >= 1 && c.minimum < TLS1_2_VERSION &&
		    d->python.openssl_version > PYTHON_OPENSSL(3, 0))
			c.minimum = TLS1_2_VERSION;
		c.more_options = d->python.options;
	}
	return c;
}
