// SPDX-License-Identifier: Apache-2.0
// What systemd starts in place of a unit's program that comes back from a checkpoint: in the sandbox of the unit it
// holds the mounts into which that is restored (host/unit_drop_in.hpp). A program of its own, static, so that it needs
// nothing of what a sandbox may hide or forbid. Until it is killed it does nothing.
#include <unistd.h>

int main() {
    while (true)
        ::pause();
}
