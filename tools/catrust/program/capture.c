/* SPDX-License-Identifier: Apache-2.0 */
#include "program/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OUTPUT_MAX = 256 << 10, LINE_BYTES = PATH_MAX + 200 };

/* A copy of the environment with setting in it, to be freed. */
static char **make_environment(char *setting)
{
	size_t count = 0, kept = 0, name = setting == NULL ? 0 : strcspn(setting, "=") + 1;
	char **env;

	while (environ[count] != NULL)
		count++;
	env = calloc(count + 2, sizeof(*env));
	if (env == NULL)
		return NULL;
	if (setting != NULL)
		env[kept++] = setting;
	for (size_t i = 0; i < count; i++)
		if (setting == NULL || strncmp(environ[i], setting, name) != 0)
			env[kept++] = environ[i];
	return env;
}

/* Starts a program whose standard output goes to the descriptor to. */
static pid_t start(char *const argv[], char *setting, int to)
{
	char **env = make_environment(setting);
	posix_spawn_file_actions_t actions;
	pid_t pid = -1;

	if (env == NULL)
		return -1;
	if (posix_spawn_file_actions_init(&actions) == 0) {
		if (posix_spawn_file_actions_adddup2(&actions, to, STDOUT_FILENO) != 0 ||
		    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY,
						     0) != 0 ||
		    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY,
						     0) != 0 ||
		    posix_spawnp(&pid, argv[0], &actions, NULL, argv, env) != 0)
			pid = -1;
		posix_spawn_file_actions_destroy(&actions);
	}
	free(env);
	return pid;
}

static void read_lines(int fd, void (*line)(void *arg, char *text), void *arg)
{
	FILE *from = fdopen(fd, "r");
	char text[LINE_BYTES];
	size_t total = 0;

	if (from == NULL) {
		close(fd);
		return;
	}
	while (total < OUTPUT_MAX && fgets(text, sizeof(text), from) != NULL) {
		total += strlen(text);
		line(arg, text);
	}
	fclose(from);
}

int capture_run(char *const argv[], char *setting, void (*line)(void *arg, char *text), void *arg)
{
	int pipes[2], status = -1;
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC) != 0)
		return -1;
	pid = start(argv, setting, pipes[1]);
	close(pipes[1]);
	read_lines(pipes[0], line, arg);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
