/* SPDX-License-Identifier: Apache-2.0 */
/*
 * share_unload MODULE,MODULE... ARGUMENT...: a program without OpenSSL that loads share.c as a
 * module, with its own copy of OpenSSL, runs it, and unloads it; then the next. Says which files of
 * the modules' folder are still mapped after each. See share_memory.py.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

static void tell_mapped(const char *folder)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[4096], before[4096] = "";

	while (maps != NULL && fgets(line, sizeof(line), maps) != NULL) {
		const char *path = strstr(line, folder);

		if (path == NULL || strcmp(path, before) == 0)
			continue;
		strcpy(before, path);
		printf("mapped: %s", path + strlen(folder));
	}
	if (maps != NULL)
		fclose(maps);
}

int main(int argc, char **argv)
{
	char *end = argc > 2 ? strrchr(argv[1], '/') : NULL;

	if (end == NULL)
		return 2;
	char folder[4096];
	snprintf(folder, sizeof(folder), "%.*s", (int)(strcspn(argv[1], ",")), argv[1]);
	*(strrchr(folder, '/') + 1) = '\0';
	for (char *path = strtok(argv[1], ","); path != NULL; path = strtok(NULL, ",")) {
		void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
		int (*run)(int, char **);

		if (module == NULL) {
			fprintf(stderr, "share_unload: %s\n", dlerror());
			return 1;
		}
		*(void **)&run = dlsym(module, "share_main");
		if (run == NULL || run(argc - 1, argv + 1) != 0 || dlclose(module) != 0)
			return 1;
		tell_mapped(folder);
	}
	return 0;
}
