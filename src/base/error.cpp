// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"

#include <cerrno>
#include <cstring>

namespace cedana {

Fault fault_of_errno(int error_number, Fault otherwise) noexcept {
    switch (error_number) {
    case ENOSPC:
    case EDQUOT:
    case EIO:
    case EROFS:
    case ESTALE:
    case EFBIG:
        return Fault::storage;
    case EACCES:
    case EPERM:
        return Fault::permission;
    default:
        return otherwise;
    }
}

std::string errno_text(int error_number) {
    char buffer[128];
    return ::strerror_r(error_number, buffer, sizeof buffer);
}

Error os_error(int error_number, const std::string& what, Fault otherwise) {
    return {fault_of_errno(error_number, otherwise), what + ": " + errno_text(error_number)};
}

} // namespace cedana
