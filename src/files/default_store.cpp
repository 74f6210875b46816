// SPDX-License-Identifier: Apache-2.0
#include "cedana/files/default_store.hpp"

#include "cedana/base/error.hpp"

#include <cerrno>
#include <system_error>

#include <sys/stat.h>

namespace cedana {

void make_default_store() {
    std::error_code ignored;
    std::filesystem::create_directories(std::filesystem::path(k_default_store).parent_path(), ignored);
    if (::mkdir(k_default_store, 0700) != 0) {
        const int err = errno;
        if (err == EEXIST)
            return;
        throw os_error(err, std::string("cannot make the store ") + k_default_store, Fault::storage);
    }
    // Whatever the umask took away.
    ::chmod(k_default_store, 0700);
}

} // namespace cedana
