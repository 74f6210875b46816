// SPDX-License-Identifier: Apache-2.0
// What belongs to the process beside its memory: names, capabilities, registers, and what the kernel was asked for.
#include <fenv.h>
#include <linux/securebits.h>
#include <sys/prctl.h>

#include "case.h"

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif

enum { CAPABILITY_CHOWN = 0 };

static bool maps_has(const char* text) {
    char line[512];
    bool found = false;
    FILE* const maps = fopen("/proc/self/maps", "r");
    while (!found && fgets(line, sizeof line, maps) != NULL)
        found = strstr(line, text) != NULL;
    fclose(maps);
    return found;
}

static void read_file(const char* path, char* text, size_t size) {
    const int file = open(path, O_RDONLY);
    const ssize_t length = file >= 0 ? read(file, text, size - 1) : -1;
    text[length > 0 ? length : 0] = '\0';
    close(file);
}

static void set_capabilities(void) {
    // CAP_CHOWN, which it has as root, inheritable too.
    struct {
        uint32_t version;
        int pid;
    } header = {0x20080522, 0};
    struct {
        uint32_t effective, permitted, inheritable;
    } data[2];
    SET_UP(syscall(SYS_capget, &header, data) == 0);
    data[0].inheritable |= 1U << CAPABILITY_CHOWN;
    SET_UP(syscall(SYS_capset, &header, data) == 0);
    SET_UP(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAPABILITY_CHOWN, 0, 0) == 0);
    SET_UP(prctl(PR_CAPBSET_DROP, 18, 0, 0, 0) == 0);
    SET_UP(prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS | SECBIT_NO_SETUID_FIXUP) == 0);
}

static void look_at_capabilities(void) {
    LOOK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAPABILITY_CHOWN, 0, 0) == 1, "the ambient capability");
    LOOK(prctl(PR_CAPBSET_READ, 18, 0, 0, 0) == 0, "the capability that was given up");
    LOOK(prctl(PR_GET_SECUREBITS) == (SECBIT_KEEP_CAPS | SECBIT_NO_SETUID_FIXUP), "securebits %x",
         (unsigned)prctl(PR_GET_SECUREBITS));
}

int main(int count, char** arguments) {
    char command[256];
    char now[256];
    char name[16] = "";
    (void)count;
    void* const named = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const bool names_memory = prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, named, MIB, "case-memory") == 0;
    memset(arguments[0], 'z', strlen(arguments[0]));
    SET_UP(prctl(PR_SET_NAME, "renamed") == 0);
    SET_UP(prctl(PR_SET_DUMPABLE, 0) == 0 && fesetround(FE_TOWARDZERO) == 0);
    prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
    const int flusher = prctl(PR_GET_IO_FLUSHER, 0, 0, 0, 0);
    set_capabilities();
    read_file("/proc/self/cmdline", command, sizeof command);
    SET_UP(command[0] == 'z');
    ready();
    await_go();
    read_file("/proc/self/cmdline", now, sizeof now);
    LOOK(strcmp(now, command) == 0, "its command line is %s", now);
    prctl(PR_GET_NAME, name);
    LOOK(strcmp(name, "renamed") == 0, "it is called %s", name);
    LOOK(!names_memory || maps_has("[anon:case-memory]"), "the name of its memory");
    LOOK(prctl(PR_GET_DUMPABLE) == 0, "PR_SET_DUMPABLE is %d", prctl(PR_GET_DUMPABLE));
    LOOK(fegetround() == FE_TOWARDZERO, "the rounding");
    LOOK(prctl(PR_GET_IO_FLUSHER, 0, 0, 0, 0) == flusher, "PR_SET_IO_FLUSHER");
    look_at_capabilities();
    pass_if_right();
}
