/* SPDX-License-Identifier: Apache-2.0 */
#include "base/output.h"
#include "base/reason.h"
#include "base/show.h"
#include "cli/command.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* The files of the image. Each is far smaller than this limit. */
static const char *const files[] = {"bin/catrust", "bin/catrust-run", "lib/libcatrust.so"};
enum { FILE_MAX = 64 << 20 };

/* The folder above bin, in which this program is. Returns 0, or -1 and *why. */
static int find_prefix(char prefix[PATH_MAX], struct reason *why)
{
	ssize_t len = readlink("/proc/self/exe", prefix, PATH_MAX - 1);

	if (len < 0) {
		reason_set(why, "/proc/self/exe: %s", strerror(errno));
		return -1;
	}
	prefix[len] = '\0';
	for (int i = 0; i < 2; i++) {
		char *slash = strrchr(prefix, '/');

		if (slash != NULL)
			*slash = '\0';
	}
	return 0;
}

static int copy_file(const char *from, const char *to, struct reason *why)
{
	char shown[SHOW_MAX];
	int fd = open(from, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *data = MAP_FAILED;
	int result = -1;

	errno = 0;
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 &&
	    st.st_size <= FILE_MAX)
		data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED) {
		reason_set(why,
			   "%s can't be read: the command copies an installation that is in one "
			   "folder, as in the image",
			   show_text(from, shown));
	} else {
		result = output_file(to, data, (size_t)st.st_size, false, why);
		munmap(data, (size_t)st.st_size);
	}
	if (fd >= 0)
		close(fd);
	if (result == 0 && chmod(to, 0755) != 0) {
		reason_set(why, "%s: %s", show_text(to, shown), strerror(errno));
		result = -1;
	}
	return result;
}

static int make_folder(const char *path, struct reason *why)
{
	char shown[SHOW_MAX];

	if (mkdir(path, 0755) == 0 || errno == EEXIST)
		return 0;
	reason_set(why, "%s: %s", show_text(path, shown), strerror(errno));
	return -1;
}

static int join(char path[PATH_MAX], const char *folder, const char *name, struct reason *why)
{
	if (snprintf(path, PATH_MAX, "%s/%s", folder, name) < PATH_MAX)
		return 0;
	reason_set(why, "the name of the directory is too long");
	return -1;
}

static int copy(const char *dir, struct reason *why)
{
	char prefix[PATH_MAX], from[PATH_MAX], to[PATH_MAX];

	if (find_prefix(prefix, why) != 0 || make_folder(dir, why) != 0 ||
	    join(to, dir, "bin", why) != 0 || make_folder(to, why) != 0 ||
	    join(to, dir, "lib", why) != 0 || make_folder(to, why) != 0)
		return -1;
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		if (join(from, prefix, files[i], why) != 0 || join(to, dir, files[i], why) != 0 ||
		    copy_file(from, to, why) != 0)
			return -1;
	return 0;
}

static enum status run(const struct options *options)
{
	struct reason why = {""};

	if (copy(options->args[0], &why) == 0)
		return STATUS_DONE;
	show_error("copy: %s", why.text);
	return STATUS_NO;
}

/* clang-format off */
static const char help[] =
	"Copies bin/catrust, bin/catrust-run and lib/libcatrust.so to DIR, from the folder that this\n"
	"catrust is installed in. Each file is written whole or not at all. This is for an init\n"
	"container that fills a volume of the pod, because the image of catrust has no shell and no cp.\n"
	"\n"
	"options:\n"
	"  --help\n";
/* clang-format on */

const struct command copy_command = {
	.name = "copy",
	.arguments = "DIR",
	.summary = "for init containers: copies catrust to a directory",
	.help = help,
	.least_args = 1,
	.most_args = 1,
	.run = run,
};
