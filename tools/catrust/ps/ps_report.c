/* SPDX-License-Identifier: Apache-2.0 */
#include "ps/ps_report.h"

#include "base/show.h"
#include "stacks/verdict_json.h"

#include <time.h>
#include <unistd.h>

enum { TIME = 32 };

static const struct stacktree_program *program_of(const struct running *r,
						  const struct running_process *p)
{
	return stacktree_program(r->tree, p->program);
}

static bool has_library(const struct running *r, const struct running_process *p)
{
	return program_of(r, p)->facts.is_preloaded;
}

/* Has it TLS of its own, not only through a library that is there for something else? */
static bool has_tls(const struct running *r, const struct running_process *p)
{
	const struct stacks_program *facts = &program_of(r, p)->facts;

	for (size_t u = 0; u < facts->use_count; u++)
		for (size_t i = 0; facts->use[u].file != NULL && i < facts->use[u].file->count; i++)
			if (!stacks_judge(facts, u, i).is_aside)
				return true;
	return false;
}

static bool is_told(const struct running *r, const struct running_process *p, bool with_library)
{
	return has_library(r, p) == with_library && (with_library || has_tls(r, p));
}

static size_t count_of(const struct running *r, bool with_library)
{
	size_t count = 0;

	for (size_t i = 0; i < r->count; i++)
		count += is_told(r, &r->process[i], with_library);
	return count;
}

/* In local time. */
static const char *time_shown(time_t at, char buf[TIME])
{
	struct tm parts;

	return localtime_r(&at, &parts) == NULL ||
			       strftime(buf, TIME, "%Y-%m-%d %H:%M:%S", &parts) == 0
		       ? "?"
		       : buf;
}

static const char *time_in_json(time_t at, char buf[TIME])
{
	struct tm parts;

	return gmtime_r(&at, &parts) == NULL ||
			       strftime(buf, TIME, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0
		       ? NULL
		       : buf;
}

/* --- for people --- */

static const char *state_of(const struct stacktree_program *p, const struct stacks_verdict *v)
{
	if (v->is_aside)
		return "not reached; it is there only for LDAP or RTMP";
	switch (v->layer) {
	case LAYER_HOOKS:
		if (v->is_seen)
			return "reached: it verified through the hooks";
		return p->seen != 0 ? "in reach of the hooks; it has verified nothing yet"
				    : "in reach of the hooks; can't tell whether it used them";
	case LAYER_FILES:
		return v->is_seen ? "reached: it was given a bundle with the CAs"
				  : "in reach, if it reads a bundle of CAs from a file";
	case LAYER_ENVIRONMENT:
		return "in reach, if it reads the file of";
	default:
		return "NOT reached:";
	}
}

static void print_stack(const struct stacktree_program *p, size_t u, size_t i, FILE *to)
{
	const struct stacks_use *use = &p->facts.use[u];
	struct stacks_verdict v = stacks_judge(&p->facts, u, i);
	char shown[SHOW_MAX], advice[STACKS_ADVICE];

	fprintf(to, "    TLS      %s%s%s in %s\n             %s", stacks_kind_text(v.stack.kind),
		v.stack.version[0] == '\0' ? "" : " ", v.stack.version, show_text(use->path, shown),
		state_of(p, &v));
	if (v.layer == LAYER_ENVIRONMENT)
		fprintf(to, " %s",
			v.variable >= 0 ? tls_variable_name[v.variable]
					: "javax.net.ssl.trustStore");
	if (v.layer == LAYER_NONE && !v.is_aside)
		fprintf(to, " %s", stacks_reason_text(v.reason));
	if (v.layer == LAYER_NONE && stacks_advice(&v, advice)[0] != '\0')
		fprintf(to, "\n             %s", advice);
	fputc('\n', to);
}

static void print_library(const struct stacktree_program *p, FILE *to)
{
	char shown[SHOW_MAX];

	fprintf(to, "    library  %s, %s%s\n",
		p->version[0] == '\0' ? "of an unknown version" : p->version,
		show_text(p->library_path, shown),
		p->is_replaced
			? ", from before that file was replaced or removed: restart the process"
			: "");
	if (p->facts.is_disabled)
		fputs("             it does nothing: CATRUST_DISABLE is set\n", to);
}

static void print_view(const struct view *v, FILE *to)
{
	char shown[SHOW_MAX];

	for (size_t i = 0; i < v->source_count; i++)
		fprintf(to, "    %-8s %s%s\n", i == 0 ? "reads" : "",
			show_text(v->source[i].path, shown),
			v->is_known && !v->source[i].is_there ? " (it is not there)" : "");
	if (v->has_more)
		fputs("             and more\n", to);
	if (v->is_elsewhere)
		fputs("             in a root directory of its own\n", to);
	if (!v->is_known)
		fputs("    trusts   can't read these as the process does: run catrust ps as root\n",
		      to);
	else
		fprintf(to, "    trusts   certificates: %zu, skipped: %zu\n", v->anchors,
			v->skipped);
}

static void print_process(const struct running *r, const struct running_process *process, FILE *to)
{
	const struct stacktree_program *p = program_of(r, process);
	char shown[SHOW_MAX], since[TIME];

	fprintf(to, "  process %ld of user %ld, since %s: %s\n", (long)process->pid, process->user,
		time_shown(process->since, since), show_text(p->command, shown));
	if (p->library_path != NULL) {
		print_library(p, to);
		print_view(process->view, to);
	}
	for (size_t u = 0; u < p->facts.use_count; u++)
		for (size_t i = 0; p->facts.use[u].file != NULL && i < p->facts.use[u].file->count;
		     i++)
			print_stack(p, u, i, to);
}

static void print_part(const struct running *r, bool with_library, const char *title, FILE *to)
{
	if (count_of(r, with_library) == 0)
		return;
	fprintf(to, "%s:\n", title);
	for (size_t i = 0; i < r->count; i++)
		if (is_told(r, &r->process[i], with_library))
			print_process(r, &r->process[i], to);
}

void ps_report_text(const struct running *r, FILE *to)
{
	print_part(r, true, "with the library", to);
	print_part(r, false, "with TLS, and without the library", to);
	fprintf(to, "processes: %zu, with the library: %zu, with TLS and without it: %zu\n",
		r->count, count_of(r, true), count_of(r, false));
	if (r->closed > 0)
		fprintf(to, "could not look into: %zu more, of other users or privileged%s\n",
			r->closed, geteuid() == 0 ? "" : " (sudo shows them)");
}

/* --- for programs --- */

static void json_library(struct json *j, const struct stacktree_program *p)
{
	if (p->library_path == NULL) {
		json_string(j, "library", NULL);
		return;
	}
	json_open_object(j, "library");
	json_string(j, "file", p->library_path);
	json_string(j, "version", p->version[0] == '\0' ? NULL : p->version);
	json_bool(j, "replaced", p->is_replaced);
	json_bool(j, "disabled", p->facts.is_disabled);
	json_close_object(j);
}

static void json_view(struct json *j, const struct view *v)
{
	json_bool(j, "own_root", v->is_elsewhere);
	json_open_array(j, "reads");
	for (size_t i = 0; i < v->source_count; i++) {
		json_open_object(j, NULL);
		json_string(j, "path", v->source[i].path);
		if (v->is_known)
			json_bool(j, "exists", v->source[i].is_there);
		else
			json_string(j, "exists", NULL);
		json_close_object(j);
	}
	json_close_array(j);
	if (v->is_known) {
		json_number(j, "anchors", (long)v->anchors);
		json_number(j, "skipped", (long)v->skipped);
	} else {
		json_string(j, "anchors", NULL);
		json_string(j, "skipped", NULL);
	}
}

static void json_process(struct json *j, const struct running *r,
			 const struct running_process *process)
{
	const struct stacktree_program *p = program_of(r, process);
	char since[TIME];

	json_open_object(j, NULL);
	json_number(j, "pid", (long)process->pid);
	json_number(j, "user", process->user);
	json_string(j, "since", time_in_json(process->since, since));
	json_string(j, "path", p->path);
	json_string(j, "command", p->command);
	json_library(j, p);
	verdict_json_why(j, stacks_lost(&p->facts));
	json_view(j, process->view);
	json_open_array(j, "stacks");
	for (size_t u = 0; u < p->facts.use_count; u++)
		for (size_t i = 0; p->facts.use[u].file != NULL && i < p->facts.use[u].file->count;
		     i++) {
			struct stacks_verdict v = stacks_judge(&p->facts, u, i);

			json_open_object(j, NULL);
			verdict_json(j, &v, p->facts.use[u].path);
			json_close_object(j);
		}
	json_close_array(j);
	json_close_object(j);
}

void ps_report_json(const struct running *r, FILE *to)
{
	struct json j = {.to = to, .first = true};

	json_open_object(&j, NULL);
	json_number(&j, "version", 1);
	json_bool(&j, "complete", stacktree_is_whole(r->tree) && r->closed == 0);
	json_number(&j, "looked_at", (long)r->count);
	json_number(&j, "closed", (long)r->closed);
	json_open_array(&j, "processes");
	for (size_t i = 0; i < r->count; i++)
		if (is_told(r, &r->process[i], true) || is_told(r, &r->process[i], false))
			json_process(&j, r, &r->process[i]);
	json_close_array(&j);
	json_close_object(&j);
}
