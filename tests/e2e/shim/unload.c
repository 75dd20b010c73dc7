/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unload MODULE PORT BUNDLE: a program without OpenSSL that loads a module with it, uses it,
 * unloads it, and all that once more. See hostile.py.
 */
#include <dlfcn.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	enum { ROUNDS = 3 };

	if (argc != 4)
		return 2;
	for (int i = 0; i < ROUNDS; i++) {
		void *module = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
		void (*request)(const char *, const char *);

		if (module == NULL) {
			fprintf(stderr, "unload: %s\n", dlerror());
			return 1;
		}
		*(void **)&request = dlsym(module, "hostile_request");
		if (request == NULL)
			return 1;
		request(argv[2], argv[3]);
		if (dlclose(module) != 0)
			return 1;
	}
	return 0;
}
