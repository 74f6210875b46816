// SPDX-License-Identifier: Apache-2.0
// A memfd with seals that is mapped shared. Argument: size (it can neither shrink nor grow), or write.
#include "case.h"

int main(int count, char** arguments) {
    const size_t size = MIB;
    SET_UP(count == 2);
    const bool is_size = strcmp(arguments[1], "size") == 0;
    const int seals = is_size ? F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL : F_SEAL_WRITE | F_SEAL_SHRINK;
    const int file = memfd_create("case", MFD_ALLOW_SEALING);
    SET_UP(file >= 0 && ftruncate(file, (off_t)size) == 0);
    unsigned char* memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    SET_UP(memory != MAP_FAILED);
    fill(memory, size);
    if (!is_size) {
        SET_UP(munmap(memory, size) == 0 && fcntl(file, F_ADD_SEALS, seals) == 0);
        memory = mmap(NULL, size, PROT_READ, MAP_SHARED, file, 0);
        SET_UP(memory != MAP_FAILED);
    } else {
        SET_UP(fcntl(file, F_ADD_SEALS, seals) == 0);
    }
    ready();
    await_go();
    EXPECT(is_filled(memory, size), "its memory is another");
    EXPECT(fcntl(file, F_GET_SEALS) == seals, "its seals are %d, and were %d", fcntl(file, F_GET_SEALS), seals);
    EXPECT(ftruncate(file, 0) != 0 && errno == EPERM, "it can shrink");
    if (is_size) {
        memory[0] = 'x';
        char byte = 0;
        EXPECT(pread(file, &byte, 1, 0) == 1 && byte == 'x', "it is not shared any more");
    } else {
        EXPECT(pwrite(file, "x", 1, 0) < 0 && errno == EPERM, "it can be written to");
    }
    pass();
}
