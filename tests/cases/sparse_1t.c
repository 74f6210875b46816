// SPDX-License-Identifier: Apache-2.0
// A file of 1 TiB that holds three words, open for writing.
#include "case.h"

int main(void) {
    const off_t size = (off_t)(1024 * GIB);
    const int file = new_file("sparse");
    if (ftruncate(file, size) != 0)
        UNFIT("no file of 1 TiB can be made");
    for (long i = 1; i < 4; ++i)
        SET_UP(pwrite(file, &i, sizeof i, i << 37) == sizeof i);
    ready();
    await_go();
    struct stat info;
    for (long i = 1; i < 4; ++i) {
        long found = 0;
        EXPECT(pread(file, &found, sizeof found, i << 37) == sizeof found && found == i, "word %ld", i);
    }
    EXPECT(fstat(file, &info) == 0 && info.st_size == size, "its size is another");
    EXPECT(info.st_blocks < 1000, "it takes %ld blocks", (long)info.st_blocks);
    pass();
}
