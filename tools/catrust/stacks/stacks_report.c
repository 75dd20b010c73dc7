/* SPDX-License-Identifier: Apache-2.0 */
#include "stacks/stacks_report.h"

#include "base/show.h"
#include "stacks/verdict_json.h"
#include "stacks/ways.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* How many programs of a row are named; the others are only counted. */
enum { NAMED_MAX = 5 };

/* A stack, or, with is_loss, a program without the library. */
struct row {
	bool is_loss;
	bool is_said; /* a loss that explains stacks in other rows */
	const char *path;
	struct stacks_verdict verdict;
	size_t *program;
	size_t count;
};

struct stacks_report {
	const struct stacktree *tree;
	struct row *row;
	size_t count;
	bool is_cut;
};

static bool is_same(const struct row *a, const struct row *b)
{
	return a->is_loss == b->is_loss && strcmp(a->path, b->path) == 0 &&
	       a->verdict.layer == b->verdict.layer && a->verdict.reason == b->verdict.reason &&
	       a->verdict.stack.kind == b->verdict.stack.kind &&
	       a->verdict.stack.linkage == b->verdict.stack.linkage &&
	       strcmp(a->verdict.stack.version, b->verdict.stack.version) == 0 &&
	       a->verdict.variable == b->verdict.variable &&
	       a->verdict.variable_lacks == b->verdict.variable_lacks &&
	       a->verdict.is_aside == b->verdict.is_aside &&
	       a->verdict.is_seen == b->verdict.is_seen && a->is_said == b->is_said;
}

static void *one_more(void *array, size_t count, size_t size)
{
	/* The array doubles at powers of two. */
	return count != 0 && (count & (count - 1)) != 0
		       ? array
		       : realloc(array, (count == 0 ? 1 : 2 * count) * size);
}

static struct row *find_row(struct stacks_report *r, const struct row *like)
{
	struct row *rows;

	for (size_t i = 0; i < r->count; i++)
		if (is_same(&r->row[i], like))
			return &r->row[i];
	rows = one_more(r->row, r->count, sizeof(*rows));
	if (rows == NULL)
		return NULL;
	r->row = rows;
	rows[r->count] = *like;
	return &rows[r->count++];
}

static int add(struct stacks_report *r, const struct row *like, size_t program)
{
	struct row *row = find_row(r, like);
	size_t *programs;

	if (row == NULL)
		return -1;
	programs = one_more(row->program, row->count, sizeof(*programs));
	if (programs == NULL)
		return -1;
	row->program = programs;
	programs[row->count++] = program;
	return 0;
}

static int add_program(struct stacks_report *r, size_t index)
{
	const struct stacktree_program *p = stacktree_program(r->tree, index);
	struct row row = {.is_loss = true, .path = p->path == NULL ? "?" : p->path};

	if (p->is_own)
		return 0;
	row.verdict.reason = stacks_lost(&p->facts);
	row.verdict.variable = -1;
	for (size_t u = 0; u < p->facts.use_count; u++)
		row.is_said = row.is_said ||
			      (p->facts.use[u].file != NULL && p->facts.use[u].file->count > 0);
	if (row.verdict.reason != REASON_NONE && p->facts.use_count > 0 && add(r, &row, index) != 0)
		return -1;
	for (size_t u = 0; u < p->facts.use_count; u++) {
		const struct stacks_use *use = &p->facts.use[u];

		for (size_t i = 0; use->file != NULL && i < use->file->count; i++) {
			row = (struct row){.path = use->path,
					   .verdict = stacks_judge(&p->facts, u, i)};
			if (add(r, &row, index) != 0)
				return -1;
		}
	}
	return 0;
}

struct stacks_report *stacks_report_new(const struct stacktree *tree)
{
	struct stacks_report *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->tree = tree;
	for (size_t i = 0; i < stacktree_count(tree); i++) {
		if (add_program(r, i) != 0) {
			stacks_report_free(r);
			return NULL;
		}
	}
	return r;
}

void stacks_report_free(struct stacks_report *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->count; i++)
		free(r->row[i].program);
	free(r->row);
	free(r);
}

static size_t count_of(const struct stacks_report *r, enum stacks_result result)
{
	size_t count = 0;

	for (size_t i = 0; i < r->count; i++)
		count += !r->row[i].is_loss && !r->row[i].verdict.is_aside &&
			 stacks_result(&r->row[i].verdict) == result;
	return count;
}

/* The mildest way that reaches everything; *ret_any: there is something to reach. */
static const char *way_of_all(const struct stacks_report *r, bool *ret_any)
{
	unsigned ways = 0;

	for (size_t i = 0; i < r->count; i++)
		if (!r->row[i].is_loss && !r->row[i].verdict.is_aside)
			ways |= (unsigned)ways_of(&r->row[i].verdict);
	*ret_any = ways != 0;
	return ways == 0 ? NULL : ways_command(ways);
}

/* Did the command start? If there is no such program, the loader or the shell reports it. */
static bool has_started(const struct stacks_run *run)
{
	return !WIFEXITED(run->status) ||
	       (WEXITSTATUS(run->status) != 126 && WEXITSTATUS(run->status) != 127);
}

/* If everything was watched, a stack within reach of the hooks that verified nothing did no TLS as
 * a client. For the other layers, this is unknown. */
bool stacks_report_is_good(const struct stacks_report *r, const struct stacks_run *run)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct row *row = &r->row[i];

		if (!row->is_loss && !row->verdict.is_aside && !row->verdict.is_seen &&
		    (row->verdict.layer != LAYER_HOOKS || run->is_polled))
			return false;
	}
	return run->missing == NULL && (count_of(r, RESULT_YES) > 0 || has_started(run));
}

/* The number of programs whose memory can't be read, because they are another user's. */
static size_t closed(const struct stacks_report *r)
{
	size_t count = 0;

	for (size_t i = 0; i < stacktree_count(r->tree); i++)
		count += stacktree_program(r->tree, i)->is_closed &&
			 !stacktree_program(r->tree, i)->is_own;
	return count;
}

/* --- for people --- */

static void print_programs(const struct stacks_report *r, const struct row *row, FILE *to)
{
	for (size_t i = 0; i < row->count && i < NAMED_MAX; i++) {
		const struct stacktree_program *p = stacktree_program(r->tree, row->program[i]);
		char shown[SHOW_MAX];

		fprintf(to, "      in   %s (process %ld", show_text(p->command, shown),
			(long)p->pid);
		if (p->processes > 1)
			fprintf(to, " and %zu forked from it", p->processes - 1);
		fprintf(to, "%s)\n", p->is_running ? ", still running" : "");
	}
	if (row->count > NAMED_MAX)
		fprintf(to, "      and  %zu more\n", row->count - NAMED_MAX);
}

static void print_stack(const struct stacks_report *r, const struct row *row, FILE *to)
{
	static const char *const linkage[] = {
		[TLS_SHARED] = "",
		[TLS_EXPORTED] = ", linked into the file",
		[TLS_HIDDEN] = ", linked into the file",
	};
	const struct stacks_verdict *v = &row->verdict;
	char shown[SHOW_MAX], advice[STACKS_ADVICE];

	fprintf(to, "  %s%s%s in %s%s\n", stacks_kind_text(v->stack.kind),
		v->stack.version[0] == '\0' ? "" : " ", v->stack.version,
		show_text(row->path, shown),
		v->stack.kind == TLS_GO || v->stack.kind == TLS_RUSTLS ? ""
								       : linkage[v->stack.linkage]);
	print_programs(r, row, to);
	if (v->layer == LAYER_ENVIRONMENT && v->variable >= 0)
		fprintf(to, "      by   %s\n", tls_variable_name[v->variable]);
	if (v->layer == LAYER_NONE && !v->is_aside)
		fprintf(to, "      why  %s\n", stacks_reason_text(v->reason));
	if (v->layer == LAYER_NONE && v->variable_lacks)
		fprintf(to, "      why  %s is set, to a file without the CAs\n",
			tls_variable_name[v->variable]);
	if (stacks_advice(v, advice)[0] != '\0')
		fprintf(to, "      %s %s\n", v->layer == LAYER_NONE ? "do  " : "else", advice);
}

static void print_loss(const struct stacks_report *r, const struct row *row, FILE *to)
{
	char shown[SHOW_MAX];

	fprintf(to, "  %s\n", show_text(row->path, shown));
	print_programs(r, row, to);
	fprintf(to, "      why  %s\n", stacks_reason_text(row->verdict.reason));
}

static void print_layer(const struct stacks_report *r, enum stacks_layer layer, bool is_seen,
			bool is_aside, const char *title, FILE *to)
{
	bool is_titled = false;

	for (size_t i = 0; i < r->count; i++) {
		const struct row *row = &r->row[i];

		if (row->is_loss || row->verdict.layer != layer ||
		    row->verdict.is_seen != is_seen || row->verdict.is_aside != is_aside)
			continue;
		if (!is_titled)
			fprintf(to, "%s:\n", title);
		is_titled = true;
		print_stack(r, row, to);
	}
}

static void print_losses(const struct stacks_report *r, FILE *to)
{
	bool is_titled = false;

	for (size_t i = 0; i < r->count; i++) {
		if (!r->row[i].is_loss || r->row[i].is_said)
			continue;
		if (!is_titled)
			fputs("other programs, without the library:\n", to);
		is_titled = true;
		print_loss(r, &r->row[i], to);
	}
}

static bool has_failed(const struct stacks_run *run)
{
	return !WIFEXITED(run->status) || WEXITSTATUS(run->status) != 0;
}

static void print_end(const struct stacks_run *run, FILE *to)
{
	char shown[SHOW_MAX];

	fprintf(to, "%s ", show_text(run->command[0], shown));
	if (WIFSIGNALED(run->status))
		fprintf(to, "was ended by signal %d (%s)\n", WTERMSIG(run->status),
			strsignal(WTERMSIG(run->status)));
	else
		fprintf(to, "ended with status %d\n", WEXITSTATUS(run->status));
}

void stacks_report_text(const struct stacks_report *r, const struct stacks_run *run, FILE *to)
{
	char shown[SHOW_MAX];
	size_t yes = count_of(r, RESULT_YES), unknown = count_of(r, RESULT_UNKNOWN),
	       no = count_of(r, RESULT_NO);
	bool any;
	const char *way = way_of_all(r, &any);

	fputc('\n', to); /* the command's own output may precede it */
	print_layer(r, LAYER_HOOKS, true, false, "reached by the hooks: it verified through them",
		    to);
	print_layer(r, LAYER_FILES, true, false,
		    "reached by the file layer: it was given a bundle with the CAs", to);
	print_layer(r, LAYER_HOOKS, false, false,
		    "in reach of the hooks, but it verified nothing in this run", to);
	print_layer(r, LAYER_FILES, false, false,
		    "NOT KNOWN if reached: it read no bundle of CAs that the file layer answers",
		    to);
	print_layer(r, LAYER_ENVIRONMENT, false, false,
		    "NOT KNOWN if reached: a variable names a file with the CAs, if it reads that",
		    to);
	print_layer(r, LAYER_NONE, false, false, "NOT reached", to);
	print_layer(r, LAYER_NONE, false, true, "not reached, and loaded only for LDAP or RTMP",
		    to);
	print_losses(r, to);
	print_end(run, to);
	if (run->missing != NULL)
		fprintf(to, "it did not start: it needs %s, which is not there\n",
			show_text(run->missing, shown));
	if (yes + unknown + no == 0)
		fputs(has_started(run) ? "no TLS was loaded\n"
				       : "nothing is known: the command did not start\n",
		      to);
	else
		fprintf(to, "TLS stacks: %zu, reached: %zu, not known: %zu, not reached: %zu\n",
			yes + unknown + no, yes, unknown, no);
	if (any && way != NULL)
		fprintf(to, "the simplest way that is known: %s\n", way);
	else if (any)
		fputs("no way is known to reach all of it\n", to);
	if (yes > 0 && unknown + no == 0 && has_failed(run))
		fputs("all of it is reached: if the command failed because of a certificate, "
		      "catrust doctor HOST says why\n",
		      to);
	if (closed(r) > 0)
		fprintf(to, "programs that could not be looked into: %zu\n", closed(r));
}

/* --- for programs --- */

static void json_programs(struct json *j, const struct stacks_report *r, const struct row *row)
{
	json_open_array(j, "programs");
	for (size_t i = 0; i < row->count; i++) {
		const struct stacktree_program *p = stacktree_program(r->tree, row->program[i]);

		json_open_object(j, NULL);
		json_number(j, "pid", (long)p->pid);
		json_string(j, "path", p->path);
		json_string(j, "command", p->command);
		json_number(j, "processes", (long)p->processes);
		json_bool(j, "running", p->is_running);
		json_close_object(j);
	}
	json_close_array(j);
}

static void json_stack(struct json *j, const struct stacks_report *r, const struct row *row)
{
	json_open_object(j, NULL);
	verdict_json(j, &row->verdict, row->path);
	json_programs(j, r, row);
	json_close_object(j);
}

static void json_loss(struct json *j, const struct stacks_report *r, const struct row *row)
{
	json_open_object(j, NULL);
	json_string(j, "path", row->path);
	verdict_json_why(j, row->verdict.reason);
	json_programs(j, r, row);
	json_close_object(j);
}

static void json_rows(struct json *j, const struct stacks_report *r, const char *key, bool losses)
{
	json_open_array(j, key);
	for (size_t i = 0; i < r->count; i++) {
		if (r->row[i].is_loss != losses)
			continue;
		if (losses)
			json_loss(j, r, &r->row[i]);
		else
			json_stack(j, r, &r->row[i]);
	}
	json_close_array(j);
}

void stacks_report_json(const struct stacks_report *r, const struct stacks_run *run, int status,
			FILE *to)
{
	struct json j = {.to = to, .first = true};
	bool any;

	json_open_object(&j, NULL);
	json_number(&j, "version", 1);
	json_number(&j, "status", status);
	json_open_array(&j, "command");
	for (size_t i = 0; run->command[i] != NULL; i++)
		json_string(&j, NULL, run->command[i]);
	json_close_array(&j);
	json_open_object(&j, "ended");
	json_string(&j, "by", WIFSIGNALED(run->status) ? "signal" : "exit");
	json_number(&j, "number",
		    WIFSIGNALED(run->status) ? WTERMSIG(run->status) : WEXITSTATUS(run->status));
	json_close_object(&j);
	json_string(&j, "missing", run->missing);
	json_bool(&j, "traced", !run->is_polled);
	json_bool(&j, "complete", stacktree_is_whole(r->tree) && closed(r) == 0);
	json_number(&j, "anchors", (long)run->anchors);
	json_string(&j, "mildest", way_of_all(r, &any));
	json_rows(&j, r, "stacks", false);
	json_rows(&j, r, "without_library", true);
	json_close_object(&j);
}
