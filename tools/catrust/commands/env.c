/* SPDX-License-Identifier: Apache-2.0 */
#include "base/show.h"
#include "cli/command.h"
#include "env/configured.h"
#include "env/envbundle.h"
#include "env/envprint.h"
#include "env/envtable.h"
#include "env/javaopts.h"
#include "store/problems.h"
#include "store/storefile.h"
#include "store/trusted.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Variables that are not set if the program's own configuration names a file. */
static const struct setting {
	const char *variable, *text;
	bool (*is_there)(void);
} settings[] = {
	{"GIT_SSL_CAINFO", "git's own http.sslCAInfo", configured_git},
	{"CARGO_HTTP_CAINFO", "cargo's own http.cainfo", configured_cargo},
	{"AWS_CA_BUNDLE", "aws's own ca_bundle", configured_aws},
};

/* One run of the command. */
struct env {
	enum envprint_format format;
	bool quiet, verbose; /* as CATRUST_LOG says */
	struct envbundle bundles;
	bool default_asked, default_told; /* with what result, and whether the user knows */
	enum envbundle_result default_result;
	char default_file[PATH_MAX];
	struct reason default_why;
};

static const char *set_by_user(const char *name)
{
	const char *value = getenv(name);

	return value == NULL || value[0] == '\0' ? NULL : value;
}

static int print(const struct env *env, const char *name, const char *value)
{
	char shown[SHOW_MAX];

	if (envprint(stdout, env->format, name, value))
		return 0;
	show_error("%s=%s: %s", name, show_text(value, shown),
		   env->format == ENVPRINT_KUBERNETES
			   ? "a manifest for Kubernetes can't hold a value that is not UTF-8"
			   : "a file of variables for docker can't hold a line break");
	return -1;
}

/* The bundle for most variables, made once. */
static enum envbundle_result ask_default(struct env *env, char ret[PATH_MAX], struct reason *why)
{
	if (!env->default_asked)
		env->default_result =
			envbundle_default(&env->bundles, env->default_file, &env->default_why);
	env->default_asked = true;
	memcpy(ret, env->default_file, PATH_MAX);
	*why = env->default_why;
	return env->default_result;
}

/* Says why a variable stays as it is; for those that share a bundle, once. */
static void tell(struct env *env, const char *name, const char *user, const struct reason *why)
{
	if (env->quiet || (user == NULL && env->default_told))
		return;
	if (user != NULL)
		show_error("%s is left as it is: %s", name, why->text);
	else
		show_error("variables that replace what a program trusts are not set: %s",
			   why->text);
	env->default_told = env->default_told || user == NULL;
}

/*
 * Handles the result of envbundle_of() and similar functions: sets the variable's value, does
 * nothing, or fails.
 */
static int conclude(struct env *env, const char *name, const char *user,
		    enum envbundle_result result, const char *value, const struct reason *why)
{
	if (result == ENVBUNDLE_DONE)
		return print(env, name, value);
	if (result == ENVBUNDLE_NOTHING) {
		tell(env, name, user, why);
		return 0;
	}
	show_error("%s", why->text);
	return -1;
}

/* Is there a setting that the variable would override? */
static bool has_setting(const struct env *env, const char *name)
{
	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++)
		if (strcmp(settings[i].variable, name) == 0 && settings[i].is_there()) {
			if (env->verbose)
				show_error("%s is not set, to keep %s", name, settings[i].text);
			return true;
		}
	return false;
}

static int print_variable(struct env *env, const struct envtable_row *v)
{
	const char *user = set_by_user(v->name);
	bool is_default = strcmp(v->name, "SSL_CERT_FILE") == 0;
	enum envbundle_result result;
	char path[PATH_MAX] = "";
	struct reason why = {""};

	if (v->effect == ENVTABLE_FOLLOWS && user == NULL)
		return 0;
	if (user == NULL && has_setting(env, v->name))
		return 0;
	if (v->effect == ENVTABLE_REPLACES && (user == NULL || is_default))
		result = ask_default(env, path, &why);
	else
		result = envbundle_of(&env->bundles, user, path, &why);
	return conclude(env, v->name, user, result, path, &why);
}

/* The PEM twin of a trust store that was made here, or false. */
static bool pem_of_store(const char *store, char pem[PATH_MAX])
{
	size_t len = strlen(store), ending = strlen(ENVBUNDLE_PKCS12);
	const char *slash = strrchr(store, '/');
	int wrote;

	if (slash == NULL || len < ending || strcmp(store + len - ending, ENVBUNDLE_PKCS12) != 0 ||
	    strncmp(slash + 1, ENVBUNDLE_PREFIX, strlen(ENVBUNDLE_PREFIX)) != 0)
		return false;
	wrote = snprintf(pem, PATH_MAX, "%.*s%s", (int)(len - ending), store, ENVBUNDLE_PEM);
	return wrote > 0 && wrote < PATH_MAX && access(pem, R_OK) == 0;
}

/* One of Java's variables, and where the certificates of the JVM's new trust store come from. */
struct java {
	const char *user; /* its value, or NULL */
	bool has_store;	  /* that names a trust store */
	char store[PATH_MAX], password[PATH_MAX], pem[PATH_MAX];
	struct envbundle_source source;
	enum envbundle_result result;
	char made[PATH_MAX];
	struct reason why;
};

/* Returns ENVBUNDLE_DONE, or what keeps it from being made. */
static enum envbundle_result find_java(struct env *env, struct java *j)
{
	struct javaopts_place ignored;

	if (j->has_store && pem_of_store(j->store, j->pem)) {
		j->source.pem = j->pem;
		return ENVBUNDLE_DONE;
	}
	if (j->has_store || storefile_default(j->store)) {
		j->source.store = j->store;
		if (j->has_store &&
		    (javaopts_find(j->user, JAVAOPTS_PASSWORD, j->password, &ignored) ||
		     javaopts_effective(JAVAOPTS_PASSWORD, j->password) != NULL))
			j->source.password = j->password;
		return ENVBUNDLE_DONE;
	}
	j->source.pem = j->pem;
	return ask_default(env, j->pem, &j->why);
}

/* The JVM can't read PEM, so it gets a trust store. */
static void make_java(struct env *env, struct java *j)
{
	j->result = find_java(env, j);
	if (j->result == ENVBUNDLE_DONE)
		j->result = envbundle_store(&env->bundles, &j->source, j->made, &j->why);
	/* If a trust store of the JVM can't be read, go on without it. */
	if (j->result == ENVBUNDLE_NOTHING && j->source.store != NULL && !j->has_store) {
		j->source = (struct envbundle_source){.pem = j->pem};
		j->result = ask_default(env, j->pem, &j->why);
		if (j->result == ENVBUNDLE_DONE)
			j->result = envbundle_store(&env->bundles, &j->source, j->made, &j->why);
	}
}

/* Sets a property that is set already; adds it if add. Takes options, which may be NULL. */
static char *set_property(char *options, const char *property, const char *value, bool add)
{
	struct javaopts_place place;
	char old[PATH_MAX], *changed;
	bool found;

	if (options == NULL)
		return NULL;
	found = javaopts_find(options, property, old, &place);
	if (!found && !add)
		return options;
	changed = javaopts_set(options, property, value, found ? &place : NULL);
	free(options);
	return changed;
}

/* Prints the variable with what was made among its options; with_secret: and what opens it. */
static int print_java(struct env *env, const char *name, const struct java *j, bool with_secret)
{
	const char *user = j->user == NULL ? "" : j->user;
	char *options = strdup(user);
	int error = 0;

	if (j->made[0] != '\0')
		options = set_property(options, JAVAOPTS_STORE, j->made, true);
	if (with_secret) {
		options = set_property(options, JAVAOPTS_PASSWORD, ENVBUNDLE_PASSWORD, false);
		options = set_property(options, JAVAOPTS_TYPE, "PKCS12", false);
	}
	if (options == NULL) {
		show_error("out of memory");
		return -1;
	}
	if (j->made[0] != '\0' || strcmp(options, user) != 0)
		error = print(env, name, options);
	free(options);
	return error;
}

/*
 * The first variable always gets a store. The others override it, so they get one instead of a
 * store that they name. The password may be in another variable than its store. So it is changed if
 * the store that counts was made here.
 */
static int print_javas(struct env *env)
{
	static struct java java[JAVAOPTS_VARIABLES];
	struct javaopts_place ignored;
	bool counts = false;

	for (int i = 0; i < JAVAOPTS_VARIABLES; i++) {
		struct java *j = &java[i];

		j->user = set_by_user(javaopts_variable[i]);
		j->has_store = j->user != NULL &&
			       javaopts_find(j->user, JAVAOPTS_STORE, j->store, &ignored);
		if (i > 0 && !j->has_store)
			continue;
		make_java(env, j);
		counts = j->result == ENVBUNDLE_DONE;
		if (counts)
			continue;
		j->made[0] = '\0';
		if (conclude(env, javaopts_variable[i], j->has_store ? j->user : NULL, j->result,
			     "", &j->why) != 0)
			return -1;
	}
	for (int i = 0; i < JAVAOPTS_VARIABLES; i++) {
		bool made = java[i].made[0] != '\0';

		if ((java[i].user != NULL || made) &&
		    print_java(env, javaopts_variable[i], &java[i],
			       made || (counts && !java[i].has_store)) != 0)
			return -1;
	}
	return 0;
}

static int print_all(struct env *env)
{
	for (size_t i = 0; envtable[i].name != NULL; i++)
		if (print_variable(env, &envtable[i]) != 0)
			return -1;
	return print_javas(env);
}

/*
 * Reports problems of the trust directories here, because the library can't do so in programs that
 * it does not reach.
 */
static void tell_problems(const struct env *env, const struct trusted *trusted)
{
	size_t scoped = 0;

	if (!env->quiet)
		(void)problems_show(trusted);
	for (size_t i = 0; i < trusted->anchors->count; i++)
		scoped += trusted->anchors->anchor[i].scopes != NULL;
	if (scoped > 0 && env->verbose)
		show_error("%zu CAs that may not vouch for every name are not in the bundles: "
			   "programs that read a bundle can't limit a CA to some names",
			   scoped);
}

/* CATRUST_DISABLE (libcatrust(7)) switches this off, too. */
static bool is_disabled(void)
{
	const char *value = set_by_user("CATRUST_DISABLE");

	return value != NULL && strcmp(value, "0") != 0;
}

static enum status print_merged(struct env *env)
{
	struct trustdir_sources sources = trusted_sources(NULL);
	enum status status = STATUS_NO;
	struct trusted trusted;
	struct reason why = {""};

	if (trusted_read(&sources, &trusted) != 0) {
		show_error("out of memory");
		return STATUS_NO;
	}
	tell_problems(env, &trusted);
	if (!envbundle_wanted(&trusted)) {
		if (!env->quiet)
			show_error("no CA is trusted for every name, so there is no variable to "
				   "set");
		status = STATUS_DONE;
	} else if (envbundle_open(&env->bundles, &trusted, &why) != 0) {
		show_error("%s", why.text);
	} else {
		if (print_all(env) == 0)
			status = STATUS_DONE;
		envbundle_close(&env->bundles);
	}
	trusted_clear(&trusted);
	return status;
}

/* NAME=VALUE, as the command line has it. */
static int print_argument(const struct env *env, const char *text)
{
	char name[256], shown[SHOW_MAX];
	size_t len = strcspn(text, "=");

	if (text[len] == '\0' || len >= sizeof(name) || !envprint_name_ok(text, len)) {
		show_error("%s: not NAME=VALUE", show_text(text, shown));
		return -1;
	}
	memcpy(name, text, len);
	name[len] = '\0';
	return print(env, name, text + len + 1);
}

static enum status run(const struct options *options)
{
	const char *log = getenv("CATRUST_LOG");
	struct env env = {
		.quiet = log != NULL && strcmp(log, "off") == 0,
		.verbose = log != NULL && (strcmp(log, "info") == 0 || strcmp(log, "debug") == 0),
		.bundles = {.dir = -1},
	};
	char shown[SHOW_MAX];

	if (options->syntax != NULL && !envprint_by_name(options->syntax, &env.format)) {
		show_error("--syntax %s: it is one of sh, docker, systemd and kubernetes",
			   show_text(options->syntax, shown));
		return STATUS_USAGE;
	}
	for (int i = 0; i < options->arg_count; i++)
		if (print_argument(&env, options->args[i]) != 0)
			return STATUS_NO;
	return options->only || is_disabled() ? STATUS_DONE : print_merged(&env);
}

/* clang-format off */
static const char help[] =
	"Prints the variables that tell Go, Rust, Java, node and others which file of certificates\n"
	"to trust, and writes these files. Each file holds what the program trusts anyway, what the\n"
	"user has set, and the CAs in the trust directories. catrust-run --env runs a command with\n"
	"the variables.\n"
	"\n"
	"options:\n"
	"  --syntax SYNTAX  sh (the default), docker (for its --env-file), systemd (for a unit) or\n"
	"                   kubernetes (for the env of a container)\n"
	"  --only           print only what is given as NAME=VALUE\n"
	"  --help\n";
/* clang-format on */

const struct command env_command = {
	.name = "env",
	.arguments = "[--syntax sh|docker|systemd|kubernetes] [--only] [NAME=VALUE...]",
	.summary = "prints variables for programs that the library can't reach",
	.help = help,
	.options = OPTION_SYNTAX | OPTION_ONLY,
	.least_args = 0,
	.most_args = 1000,
	.run = run,
};
