/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target over files, where there is no libFuzzer to do it. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { MAX_INPUT = 1 << 20 };

/* An allocation of just the input's length: a read past the end is one past it. */
static int run_file(const char *name, uint8_t *room)
{
	FILE *f = fopen(name, "rb");
	uint8_t *exact;
	size_t len;

	if (f == NULL) {
		perror(name);
		return -1;
	}
	len = fread(room, 1, MAX_INPUT, f);
	fclose(f);
	exact = malloc(len == 0 ? 1 : len);
	if (exact == NULL)
		return -1;
	memcpy(exact, room, len);
	LLVMFuzzerTestOneInput(exact, len);
	free(exact);
	printf("%s: %zu bytes\n", name, len);
	return 0;
}

int main(int argc, char **argv)
{
	uint8_t *room = malloc(MAX_INPUT);
	int result = room == NULL || argc < 2 ? EXIT_FAILURE : EXIT_SUCCESS;

	for (int i = 1; room != NULL && i < argc; i++)
		if (run_file(argv[i], room) != 0)
			result = EXIT_FAILURE;
	free(room);
	return result;
}
