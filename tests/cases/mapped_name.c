// SPDX-License-Identifier: Apache-2.0
// A file that is written through a shared mapping alone, whose name has a line feed in it.
#include "case.h"

static const char* const name = "two\nlines";

int main(void) {
    const int file = open(name, O_RDWR | O_CREAT, 0600);
    SET_UP(file >= 0 && ftruncate(file, 8192) == 0);
    char* const memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    SET_UP(memory != MAP_FAILED);
    strcpy(memory, "at the dump");
    close(file);
    ready();
    await_go();
    EXPECT(strcmp(memory, "at the dump") == 0, "it holds '%s'", memory);
    pass();
}
