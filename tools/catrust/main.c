/* SPDX-License-Identifier: Apache-2.0 */
#include "base/show.h"
#include "cli/command.h"

#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
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
	&env_command,
	&check_command,
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
		if (internal == (commands[i] == &env_command || commands[i] == &check_command))
			fprintf(to, "  %-9s %s\n", commands[i]->name, commands[i]->summary);
}

static void print_help(FILE *to)
{
	fputs("usage: catrust COMMAND [OPTION...] [ARGUMENT...]\n"
	      "\n"
	      "Finds, checks and keeps the certificates of a company's own CAs, for programs\n"
	      "that are started with catrust-run.\n"
	      "\n"
	      "commands:\n",
	      to);
	print_commands(to, false);
	fputs("  help      shows this text, or the help of a command\n"
	      "\n"
	      "called by catrust-run --env, --print-env and --check:\n",
	      to);
	print_commands(to, true);
	fputs("\n"
	      "options: --help, --version; each command has its own --help.\n"
	      "More in catrust(1).\n",
	      to);
}

static void print_command_help(const struct command *command)
{
	printf("usage: catrust %s %s\n\n%s", command->name, command->arguments, command->help);
	if (command == &doctor_command) {
		putchar('\n');
		print_command_help(&stacks_command);
	}
}

static enum status unknown(const char *name)
{
	char shown[SHOW_MAX];

	show_error("there is no %s %s; see catrust --help", name[0] == '-' ? "option" : "command",
		   show_text(name, shown));
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

static enum status run(const struct command *command, int argc, char **argv)
{
	struct options options;
	struct reason why = {""};

	if (options_parse(command->options, argc, argv, &options, &why) != 0) {
		show_error("%s: %s; see catrust %s --help", command->name, why.text, command->name);
		return STATUS_USAGE;
	}
	if (options.help) {
		print_command_help(command);
		return STATUS_DONE;
	}
	if (options.arg_count < command->least_args || options.arg_count > command->most_args) {
		fprintf(stderr, "usage: catrust %s %s\n", command->name, command->arguments);
		if (command == &doctor_command)
			fprintf(stderr, "       catrust %s %s\n", stacks_command.name,
				stacks_command.arguments);
		return STATUS_USAGE;
	}
	return command->run(&options);
}

/* doctor TARGET, or doctor -- COMMAND */
static bool has_dashes(int argc, char **argv)
{
	for (int i = 2; i < argc; i++)
		if (strcmp(argv[i], "--") == 0)
			return true;
	return false;
}

static enum status dispatch(int argc, char **argv)
{
	const struct command *command;

	if (argc < 2) {
		print_help(stderr);
		return STATUS_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return help(1, argv);
	if (strcmp(argv[1], "help") == 0)
		return help(argc - 1, argv + 1);
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0 ||
	    strcmp(argv[1], "version") == 0) {
		puts("catrust " CATRUST_VERSION);
		return STATUS_DONE;
	}
	command = find(argv[1]);
	if (command == &doctor_command && has_dashes(argc, argv))
		command = &stacks_command;
	return command == NULL ? unknown(argv[1]) : run(command, argc - 1, argv + 1);
}

static bool reader_is_gone(void)
{
	struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};

	return poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0;
}

int main(int argc, char **argv)
{
	enum status status;

	/* A reader that goes away, or a limit on the size of files, is an error like others. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	show_init();
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		show_error("libcurl can't be used");
		return STATUS_NO;
	}
	status = dispatch(argc, argv);
	curl_global_cleanup();
	if (fflush(stdout) != 0 || ferror(stdout)) {
		int error = errno;

		/* head(1) has what it wants. */
		if (!reader_is_gone())
			show_error("the output could not be written: %s", strerror(error));
		if (status == STATUS_DONE)
			status = STATUS_NO;
	}
	return (int)status;
}
