/* SPDX-License-Identifier: Apache-2.0 */
#include "stacks/stacktree.h"

#include "base/input.h"
#include "libc/hash.h"
#include "process/seen.h"
#include "program/procfile.h"
#include "stacks/mapped.h"

#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PROGRAMS_MAX = 20000, PROCESSES_MAX = 20000, USES_MAX = 4096 };

struct process {
	pid_t pid;
	size_t program;
	uint64_t seen; /* a hash of its maps at the last reading */
};

struct stacktree {
	stacktree_check *check;
	void *arg;
	struct mapped_files files;
	struct stacktree_program *program;
	size_t program_count;
	struct process *process;
	size_t process_count;
	bool is_cut;
	char *self; /* catrust's own path */
};

/* The path of a program, even if it has been replaced. */
static char *read_path(const char *link)
{
	char path[PATH_MAX];
	ssize_t len = readlink(link, path, sizeof(path) - 1);

	if (len < 0)
		return NULL;
	path[len] = '\0';
	procfile_take_mark(path);
	return strdup(path);
}

struct stacktree *stacktree_new(stacktree_check *check, void *arg)
{
	struct stacktree *t = calloc(1, sizeof(*t));

	if (t != NULL) {
		t->check = check;
		t->arg = arg;
		t->self = read_path("/proc/self/exe");
	}
	return t;
}

void stacktree_free(struct stacktree *t)
{
	if (t == NULL)
		return;
	mapped_files_clear(&t->files);
	for (size_t i = 0; i < t->program_count; i++) {
		free(t->program[i].facts.use);
		free(t->program[i].where);
		free(t->program[i].path);
	}
	free(t->program);
	free(t->process);
	free(t->self);
	free(t);
}

/* Makes room for one more in a growing array; false: no room, and nothing changed. */
static bool grow(void **array, size_t count, size_t size, size_t max)
{
	void *more;

	/* The array doubles at powers of two. */
	if (count >= max)
		return false;
	if (count != 0 && (count & (count - 1)) != 0)
		return true;
	more = realloc(*array, (count == 0 ? 1 : 2 * count) * size);
	if (more == NULL)
		return false;
	*array = more;
	return true;
}

static struct process *find(struct stacktree *t, pid_t pid)
{
	for (size_t i = 0; i < t->process_count; i++)
		if (t->process[i].pid == pid)
			return &t->process[i];
	return NULL;
}

/* --- what a program is --- */

static bool has_library(const char *preload)
{
	static const char name[] = "libcatrust.so";

	return preload != NULL && strstr(preload, name) != NULL;
}

static bool is_on(const char *value)
{
	return value != NULL && value[0] != '\0' && strcmp(value, "0") != 0;
}

static const char java_store[] = "-Djavax.net.ssl.trustStore=", openssl_ca[] = "--use-openssl-ca";

static void take_environment(struct stacktree *t, struct stacktree_program *p, const char *text,
			     size_t len)
{
	static const char *const java[] = {"JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS"};
	const char *files = procfile_variable(text, len, "CATRUST_FILES");
	const char *node = procfile_variable(text, len, "NODE_OPTIONS");

	p->facts.is_named = has_library(procfile_variable(text, len, "LD_PRELOAD"));
	p->facts.is_disabled = is_on(procfile_variable(text, len, "CATRUST_DISABLE"));
	p->facts.files_off = files != NULL && strcmp(files, "off") == 0;
	p->facts.openssl_ca = node != NULL && strstr(node, openssl_ca) != NULL;
	for (int i = 0; i < TLS_VARIABLES; i++) {
		const char *value = procfile_variable(text, len, tls_variable_name[i]);

		if (value == NULL || value[0] == '\0')
			continue;
		p->facts.set |= 1U << i;
		if (t->check(t->arg, (enum tls_variable)i, value))
			p->facts.good |= 1U << i;
	}
	for (size_t i = 0; i < sizeof(java) / sizeof(*java); i++) {
		const char *value = procfile_variable(text, len, java[i]);

		if (value != NULL && strstr(value, java_store) != NULL)
			p->facts.java_store = true;
	}
}

static void take_command(struct stacktree_program *p, char *line, size_t len)
{
	for (size_t at = 0; at < len; at += strlen(line + at) + 1) {
		if (strncmp(line + at, java_store, strlen(java_store)) == 0)
			p->facts.java_store = true;
		if (strcmp(line + at, openssl_ca) == 0)
			p->facts.openssl_ca = true;
	}
	for (size_t i = 0; i + 1 < len; i++)
		if (line[i] == '\0')
			line[i] = ' ';
	if (len >= sizeof(p->command)) {
		memcpy(p->command, line, sizeof(p->command) - 4);
		memcpy(p->command + sizeof(p->command) - 4, "...", 4);
	} else {
		memcpy(p->command, line, len);
		p->command[len] = '\0';
	}
}

/* sh .../catrust-run ... */
static bool is_runner(const char *line, size_t len)
{
	size_t first = strlen(line) + 1;

	return first < len && strcmp(input_name(line + first), "catrust-run") == 0;
}

/* Runs right after exec: later, a process may have overwritten its arguments and environment. */
static void describe(struct stacktree *t, struct stacktree_program *p)
{
	size_t len;
	char *text = procfile_read(p->pid, "environ", &len);
	char link[64];

	snprintf(link, sizeof(link), "/proc/%ld/exe", (long)p->pid);
	p->path = read_path(link);
	p->is_own = p->path != NULL && t->self != NULL && strcmp(p->path, t->self) == 0;
	p->is_closed = text == NULL;
	if (text != NULL)
		take_environment(t, p, text, len);
	free(text);
	text = procfile_read(p->pid, "cmdline", &len);
	p->is_own = p->is_own || (text != NULL && is_runner(text, len));
	if (text != NULL)
		take_command(p, text, len);
	free(text);
	text = procfile_read(p->pid, "auxv", &len);
	p->facts.is_secure = text != NULL && procfile_aux(text, len, AT_SECURE) != 0;
	free(text);
}

/* Returns the index, or PROGRAMS_MAX. */
static size_t add_program(struct stacktree *t, pid_t pid)
{
	struct stacktree_program *p;

	if (!grow((void **)&t->program, t->program_count, sizeof(*t->program), PROGRAMS_MAX)) {
		t->is_cut = true;
		return PROGRAMS_MAX;
	}
	p = &t->program[t->program_count];
	*p = (struct stacktree_program){.pid = pid, .processes = 1};
	describe(t, p);
	return t->program_count++;
}

static struct process *add_process(struct stacktree *t, pid_t pid, size_t program)
{
	struct process *process;

	if (program == PROGRAMS_MAX ||
	    !grow((void **)&t->process, t->process_count, sizeof(*t->process), PROCESSES_MAX)) {
		t->is_cut = true;
		return NULL;
	}
	process = &t->process[t->process_count++];
	*process = (struct process){.pid = pid, .program = program};
	return process;
}

void stacktree_exec(struct stacktree *t, pid_t pid)
{
	size_t program = add_program(t, pid);
	struct process *process = find(t, pid);
	struct stacktree_program *before;

	if (process == NULL) {
		add_process(t, pid, program);
		return;
	}
	if (program == PROGRAMS_MAX)
		return;
	before = &t->program[process->program];
	if (before->pid != pid) {
		before->processes--;
		t->program[program].is_own = t->program[program].is_own || before->is_own;
	}
	process->program = program;
	process->seen = 0;
}

void stacktree_found(struct stacktree *t, pid_t pid)
{
	const struct process *process;

	stacktree_exec(t, pid);
	process = find(t, pid);
	if (process != NULL)
		t->program[process->program].facts.is_found = true;
	stacktree_look(t, pid, pid);
}

void stacktree_fork(struct stacktree *t, pid_t parent, pid_t child)
{
	const struct process *from = find(t, parent);

	if (from == NULL || find(t, child) != NULL)
		return;
	if (add_process(t, child, from->program) != NULL) {
		from = find(t, parent); /* grow() may have moved it */
		if (from != NULL)
			t->program[from->program].processes++;
	}
}

/* --- what is loaded --- */

/* The index of the file among those of the program; adds it if it is new. -1: no room. */
static long use_of(struct stacktree *t, struct stacktree_program *p, pid_t tid,
		   const struct procfile_mapping *m)
{
	struct stacks_program *facts = &p->facts;
	const struct mapped_file *f;

	for (size_t u = 0; u < facts->use_count; u++)
		if (strcmp(facts->use[u].path, m->path) == 0)
			return (long)u;
	f = mapped_file(&t->files, tid, m);
	t->is_cut = t->is_cut || f == NULL;
	if (f == NULL ||
	    !grow((void **)&facts->use, facts->use_count, sizeof(*facts->use), USES_MAX) ||
	    !grow((void **)&p->where, facts->use_count, sizeof(*p->where), USES_MAX))
		return -1;
	facts->use[facts->use_count] = (struct stacks_use){
		.file = f->is_elf ? &f->facts : NULL,
		.path = f->path,
		.is_main = p->path != NULL && strcmp(p->path, m->path) == 0,
	};
	if (strcmp(input_name(m->path), "libcatrust.so") == 0) {
		facts->is_preloaded = true;
		facts->machine = f->is_elf ? f->facts.elf.machine : 0;
		p->library_path = f->path;
		p->is_replaced = m->is_deleted;
		memcpy(p->version, f->version, sizeof(p->version));
	}
	return (long)facts->use_count++;
}

static bool lies_in(uint64_t address, struct stacktree_range range)
{
	return address >= range.start && address < range.end;
}

/* Before a slot is bound, it leads into its own file, or nowhere. */
static enum stacks_slot judge_slot(const struct stacktree_program *p, size_t u, uint64_t value)
{
	if (lies_in(value, p->library))
		return SLOT_HOOKED;
	for (size_t i = 0; i < p->facts.use_count; i++)
		if (i != u && lies_in(value, p->where[i]))
			return SLOT_ELSEWHERE;
	return SLOT_UNKNOWN;
}

/* Reads the targets of the pointers in the program's libraries. */
static void read_slots(struct stacktree_program *p, int memory)
{
	const uint64_t page = 4096;

	for (size_t u = 0; u < p->facts.use_count; u++) {
		struct stacks_use *use = &p->facts.use[u];
		uint64_t value, at;

		if (use->file == NULL || use->file->elf.verify_slot == 0 ||
		    use->slot == SLOT_HOOKED)
			continue;
		at = p->where[u].start - (use->file->elf.first & ~(page - 1)) +
		     use->file->elf.verify_slot;
		if (input_at(memory, at, &value, sizeof(value)) == 0)
			use->slot = judge_slot(p, u, value);
	}
}

/* The address of the library's struct seen; 0: another version, or unreadable. */
static uint64_t find_seen(int memory, struct stacktree_range library)
{
	enum { PAGE = 4096, MOST = 16 << 20 };
	uint64_t end = library.end - library.start < MOST ? library.end : library.start + MOST;
	char page[PAGE];

	for (uint64_t at = library.start; at < end; at += PAGE) {
		if (input_at(memory, at, page, sizeof(page)) != 0)
			continue;
		for (size_t i = 0; i + sizeof(SEEN_MAGIC) <= PAGE; i += sizeof(void *))
			if (memcmp(page + i, SEEN_MAGIC, sizeof(SEEN_MAGIC)) == 0)
				return at + i;
	}
	return 0;
}

static void take_seen(struct stacktree_program *p, struct seen *found)
{
	memcpy(p->version, found->version, sizeof(p->version));
	p->version[sizeof(p->version) - 1] = '\0';
	for (size_t u = 0; u < p->facts.use_count; u++)
		for (int i = 0; i < SEEN_MAX; i++) {
			struct stacks_use *use = &p->facts.use[u];

			use->is_verified |= lies_in(found->verified[i], p->where[u]);
			use->is_served |= lies_in(found->served[i], p->where[u]);
		}
}

/* What the library in that program has seen. */
static void read_seen(struct stacktree_program *p, int memory)
{
	struct seen found;

	if (p->seen == 0)
		p->seen = find_seen(memory, p->library);
	if (p->seen != 0 && input_at(memory, p->seen, &found, sizeof(found)) == 0 &&
	    memcmp(found.magic, SEEN_MAGIC, sizeof(SEEN_MAGIC)) == 0)
		take_seen(p, &found);
}

/* Reads the memory of the program, while the process exists. */
static void read_memory(struct stacktree_program *p, pid_t tid)
{
	char path[64];
	int memory;

	snprintf(path, sizeof(path), "/proc/%ld/mem", (long)tid);
	memory = open(path, O_RDONLY | O_CLOEXEC);
	if (memory < 0)
		return;
	read_slots(p, memory);
	read_seen(p, memory);
	close(memory);
}

/* The mappings of a file follow one another, with its code among them. The linker leaves no gap
 * above GAP: there, the program has mapped the file again to read it. */
static void take_maps(struct stacktree *t, struct stacktree_program *p, pid_t tid, char *text)
{
	const uint64_t GAP = 64 << 20;
	struct stacktree_range range = {0, 0};
	const char *path = "";
	char *rest = text, *line;
	long u = -1;

	while ((line = strsep(&rest, "\n")) != NULL) {
		struct procfile_mapping m;

		if (!procfile_mapping(line, &m) || m.path[0] != '/' || m.inode == 0)
			continue;
		if (strcmp(path, m.path) != 0 || m.start - range.end > GAP) {
			path = m.path;
			range.start = m.start;
			u = -1;
		}
		range.end = m.end;
		if (m.is_code && u < 0) {
			u = use_of(t, p, tid, &m);
			t->is_cut = t->is_cut || u < 0;
		}
		if (u >= 0)
			p->where[u] = range;
		if (u >= 0 && strcmp(input_name(path), "libcatrust.so") == 0)
			p->library = range;
	}
}

void stacktree_look(struct stacktree *t, pid_t pid, pid_t tid)
{
	struct process *process = find(t, pid);
	struct stacktree_program *program;
	size_t len = 0;
	uint64_t hash;
	char *text;

	if (process == NULL)
		process = add_process(t, pid, add_program(t, pid));
	if (process == NULL)
		return;
	text = procfile_read(tid, "maps", &len);
	if (text == NULL)
		return;
	program = &t->program[process->program];
	hash = hash_bytes(text, len);
	if (hash != process->seen)
		take_maps(t, program, tid, text);
	process->seen = hash;
	free(text);
	if (program->facts.is_preloaded) {
		read_memory(program, tid);
	}
}

void stacktree_gone(struct stacktree *t, pid_t pid)
{
	struct process *process = find(t, pid);

	if (process != NULL)
		*process = t->process[--t->process_count];
}

void stacktree_each(struct stacktree *t, void (*see)(void *arg, pid_t pid), void *arg)
{
	for (size_t i = 0; i < t->process_count; i++)
		see(arg, t->process[i].pid);
}

void stacktree_finish(struct stacktree *t)
{
	for (size_t i = 0; i < t->process_count; i++)
		t->program[t->process[i].program].is_running = true;
}

size_t stacktree_count(const struct stacktree *t)
{
	return t->program_count;
}

const struct stacktree_program *stacktree_program(const struct stacktree *t, size_t i)
{
	return &t->program[i];
}

bool stacktree_is_whole(const struct stacktree *t)
{
	return !t->is_cut;
}
