// SPDX-License-Identifier: Apache-2.0
// Its program and a library that it has mapped are replaced while it runs, as an upgrade does it.
#include "case.h"

enum { LIBRARY_SIZE = 5 << 20 };

static void copy(const char* from, const char* to) {
    static char bytes[1 << 20];
    const int source = open(from, O_RDONLY);
    const int target = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0700);
    SET_UP(source >= 0 && target >= 0);
    for (ssize_t size = 0; (size = read(source, bytes, sizeof bytes)) > 0;)
        SET_UP(write(target, bytes, (size_t)size) == size);
    close(source);
    close(target);
}

static unsigned char* map_library(void) {
    const int file = new_file("library");
    for (uint32_t at = 0; at < LIBRARY_SIZE / 4; ++at) {
        static uint32_t block[4096];
        block[at % 4096] = at * 2654435761U;
        if (at % 4096 == 4095)
            SET_UP(write(file, block, sizeof block) == (ssize_t)sizeof block);
    }
    void* const memory = mmap(NULL, LIBRARY_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
    SET_UP(memory != MAP_FAILED);
    close(file);
    return memory;
}

static bool is_whole(const unsigned char* memory) {
    for (uint32_t at = 0; at < LIBRARY_SIZE / 4; ++at) {
        uint32_t value = 0;
        memcpy(&value, memory + at * 4UL, 4);
        if (value != at * 2654435761U)
            return false;
    }
    return true;
}

int main(int count, char** arguments) {
    if (count == 1) {
        copy("/proc/self/exe", "program");
        execl("./program", "program", "again", (char*)NULL);
    }
    SET_UP(count == 2 && strcmp(arguments[1], "again") == 0);
    unsigned char* const library = map_library();
    // A page of its own.
    library[4096] = (unsigned char)~library[4096];
    copy("library", "library.new");
    SET_UP(truncate("library.new", 0) == 0 && truncate("library.new", LIBRARY_SIZE) == 0);
    SET_UP(rename("library.new", "library") == 0);
    copy("program", "program.new");
    SET_UP(rename("program.new", "program") == 0);
    ready();
    await_go();
    library[4096] = (unsigned char)~library[4096];
    EXPECT(is_whole(library), "the library has other bytes");
    pass();
}
