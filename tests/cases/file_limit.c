// SPDX-License-Identifier: Apache-2.0
// Nothing that it writes may be larger than a page by now, and much that it has is.
#include <sys/resource.h>

#include "case.h"

enum { LIMIT = 4096 };

static unsigned char* memory;

static int larger_file(int file) {
    static const char bytes[16 * LIMIT] = "larger";
    SET_UP(file >= 0 && write(file, bytes, sizeof bytes) == sizeof bytes);
    return file;
}

static void look_at_file(int file, const char* what) {
    char bytes[8] = "";
    LOOK(pread(file, bytes, 6, 0) == 6 && strcmp(bytes, "larger") == 0, "%s: %s", what, bytes);
}

int main(void) {
    const struct rlimit limit = {LIMIT, 2 * LIMIT};
    struct rlimit now;
    const int removed = larger_file(open(".", O_RDWR | O_TMPFILE, 0600));
    const int in_memory = larger_file(memfd_create("larger", 0));
    const int named = larger_file(new_file("larger"));
    memory = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    SET_UP(memory != MAP_FAILED);
    fill(memory, MIB);
    SET_UP(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    ready();
    await_go();
    look_at_file(removed, "the removed file");
    look_at_file(in_memory, "the file in memory");
    look_at_file(named, "the file");
    LOOK(is_filled(memory, MIB), "the shared memory");
    LOOK(getrlimit(RLIMIT_FSIZE, &now) == 0 && now.rlim_cur == limit.rlim_cur && now.rlim_max == limit.rlim_max,
         "the limit is %lu", (unsigned long)now.rlim_cur);
    pass_if_right();
}
