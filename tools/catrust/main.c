/* SPDX-License-Identifier: Apache-2.0 */
#include "base/quote.h"
#include "base/show.h"
#include "cli/command.h"
#include "program/script.h"
#include "system/conf.h"
#include "system/machine.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct command *const commands[] = {
	&fetch_command,
	&doctor_command,
	&stacks_command,
	&list_command,
	&add_command,
	&remove_command,
	&bundle_command,
	&copy_command,
	&enable_command,
	&disable_command,
	&status_command,
	&refresh_command,
	&ps_command,
	&env_command,
	&check_command,
	&mount_command,
	NULL,
};

static const struct command *find(const char *name)
{
	for (size_t i = 0; commands[i] != NULL; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

static void print_commands(FILE *to, bool internal)
{
	for (size_t i = 0; commands[i] != NULL; i++)
		if (internal == (commands[i] == &env_command || commands[i] == &check_command ||
				 commands[i] == &mount_command))
			fprintf(to, "  %-18s %s\n",
				commands[i] == &stacks_command ? "doctor -- COMMAND"
							       : commands[i]->name,
				commands[i]->summary);
}

static void print_help(FILE *to)
{
	fputs("usage: catrust COMMAND [OPTION...] [ARGUMENT...]\n"
	      "\n"
	      "Finds, checks and saves the certificates of a company's own CAs, for programs\n"
	      "that are started with catrust-run.\n"
	      "\n"
	      "commands:\n",
	      to);
	print_commands(to, false);
	fputs("  help               shows this text, or the help of a command\n"
	      "\n"
	      "called by catrust-run --env, --print-env, --check and --mount:\n",
	      to);
	print_commands(to, true);
	fputs("\n"
	      "options: --help, --version; each command has its own --help.\n"
	      "More in catrust(1).\n",
	      to);
}

static void print_usage(FILE *to, const char *before, const struct command *command)
{
	fprintf(to, "%scatrust %s%s%s\n", before, command->name,
		command->arguments[0] == '\0' ? "" : " ", command->arguments);
}

static void print_command_help(const struct command *command)
{
	print_usage(stdout, "usage: ", command);
	printf("\n%s", command->help);
	if (command == &doctor_command) {
		putchar('\n');
		print_command_help(&stacks_command);
	}
}

/* How many letters must be added, removed or changed to turn a into b; at most MOST counts. */
static size_t difference(const char *a, const char *b)
{
	enum { MOST = 32 };
	size_t row[MOST + 1], len = strlen(b);

	if (strlen(a) > MOST || len > MOST)
		return MOST;
	for (size_t j = 0; j <= len; j++)
		row[j] = j;
	for (size_t i = 0; a[i] != '\0'; i++) {
		size_t corner = row[0];

		row[0] = i + 1;
		for (size_t j = 0; j < len; j++) {
			size_t change = corner + (a[i] != b[j]);
			size_t other = (row[j] < row[j + 1] ? row[j] : row[j + 1]) + 1;

			corner = row[j + 1];
			row[j + 1] = change < other ? change : other;
		}
	}
	return row[len];
}

/* The command that the user probably meant, or NULL. */
static const char *nearest(const char *name)
{
	size_t least = strlen(name) < 5 ? 2 : 3;
	const char *found = NULL;

	for (size_t i = 0; commands[i] != NULL; i++) {
		size_t d = difference(name, commands[i]->name);

		if (d < least) {
			least = d;
			found = commands[i]->name;
		}
	}
	return found;
}

static enum status unknown(const char *name)
{
	const char *meant = name[0] == '-' ? NULL : nearest(name);
	char shown[SHOW_MAX];

	show_text(name, shown);
	if (meant != NULL)
		show_error("there is no command %s; did you mean %s?", shown, meant);
	else
		show_error("there is no %s %s; see catrust --help",
			   name[0] == '-' ? "option" : "command", shown);
	return STATUS_USAGE;
}

static enum status help(int argc, char **argv)
{
	const struct command *command;

	if (argc < 2) {
		print_help(stdout);
		return STATUS_DONE;
	}
	command = find(argv[1]);
	if (command == NULL)
		return unknown(argv[1]);
	print_command_help(command);
	return STATUS_DONE;
}

/* doctor with several arguments, of which the first is a program: the -- is missing. */
static void show_meant(const struct options *options)
{
	struct quote meant = {.len = 0};
	const char *path = getenv("PATH");
	char program[PATH_MAX];

	if (options->arg_count < 2 ||
	    !script_find(options->args[0], path == NULL ? "" : path, program))
		return;
	quote_plain(&meant, "catrust doctor --");
	for (int i = 0; i < options->arg_count; i++)
		quote_word(&meant, options->args[i]);
	if (!meant.full)
		fprintf(stderr, "did you mean: %s\n", meant.text);
}

/* The status, and whether the command's purpose is its output. */
struct outcome {
	enum status status;
	bool printed;
};

static enum status run_with(const struct command *command, int argc, char **argv, bool *printed)
{
	struct options options;
	struct reason why = {""};

	if (options_parse(command->options, argc, argv, &options, &why) != 0) {
		show_error("%s: %s; see catrust %s --help", command->name, why.text,
			   command == &stacks_command ? doctor_command.name : command->name);
		return STATUS_USAGE;
	}
	if (options.help) {
		print_command_help(command);
		return STATUS_DONE;
	}
	if (options.arg_count < command->least_args || options.arg_count > command->most_args) {
		print_usage(stderr, "usage: ", command);
		if (command == &doctor_command)
			print_usage(stderr, "       ", &stacks_command);
		if (command == &doctor_command)
			show_meant(&options);
		if (command->example != NULL)
			fprintf(stderr, "for example: %s\n", command->example);
		return STATUS_USAGE;
	}
	*printed = !command->changes_files || options.to_stdout || options.json;
	return command->run(&options);
}

/* The trusted certificates may have changed, and then the bundles of enable --env must, too. */
static void follow_up(const struct command *command)
{
	struct reason why = {""};

	if (geteuid() != 0 ||
	    (command != &add_command && command != &fetch_command && command != &remove_command))
		return;
	if (machine_refresh(&why) < 0)
		show_error("the bundles of catrust enable --env were not updated: %s", why.text);
}

static struct outcome run(const struct command *command, int argc, char **argv)
{
	struct outcome o = {.printed = true};

	o.status = run_with(command, argc, argv, &o.printed);
	follow_up(command);
	return o;
}

/* doctor TARGET, or doctor -- COMMAND */
static bool has_dashes(int argc, char **argv)
{
	for (int i = 2; i < argc; i++)
		if (strcmp(argv[i], "--") == 0)
			return true;
	return false;
}

static struct outcome dispatch(int argc, char **argv)
{
	struct outcome o = {STATUS_USAGE, true};
	const struct command *command;

	if (argc < 2) {
		print_help(stderr);
		return o;
	}
	command = find(argv[1]);
	if (command == &doctor_command && has_dashes(argc, argv))
		command = &stacks_command;
	if (command != NULL)
		return run(command, argc - 1, argv + 1);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		o.status = help(1, argv);
	} else if (strcmp(argv[1], "help") == 0) {
		o.status = help(argc - 1, argv + 1);
	} else if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0 ||
		   strcmp(argv[1], "version") == 0) {
		puts("catrust " CATRUST_VERSION);
		o.status = STATUS_DONE;
	} else {
		o.status = unknown(argv[1]);
	}
	return o;
}

static bool reader_is_gone(void)
{
	struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};

	return poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0;
}

/* Files opened later must not become a standard stream. Returns whether stdout is open. */
static bool open_standard_streams(void)
{
	bool out = fcntl(STDOUT_FILENO, F_GETFD) >= 0;
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
	return out;
}

int main(int argc, char **argv)
{
	bool has_stdout = open_standard_streams();
	struct outcome o;
	int error = 0;

	show_init();
	conf_export();
	/* If a reader goes away, or a file size limit is reached, that is an error like others. But
	 * a command that becomes another program keeps that program's signals unchanged. */
	if (argc < 2 || find(argv[1]) != &mount_command) {
		signal(SIGPIPE, SIG_IGN);
		signal(SIGXFSZ, SIG_IGN);
	}
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		show_error("libcurl can't be used");
		return STATUS_NO;
	}
	o = dispatch(argc, argv);
	curl_global_cleanup();
	if (fflush(stdout) != 0 || ferror(stdout))
		error = errno;
	else if (!has_stdout && o.printed)
		error = EBADF;
	if (error != 0) {
		/* head(1) has enough. */
		if (!reader_is_gone())
			show_error("the output could not be written: %s", strerror(error));
		if (o.status == STATUS_DONE && o.printed)
			o.status = STATUS_NO;
	}
	return (int)o.status;
}
