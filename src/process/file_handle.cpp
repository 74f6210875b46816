// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/file_handle.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>

namespace cedana {

namespace {

// A file_handle ends with as many bytes as it says (fcntl.h).
struct HandleSpace {
    alignas(file_handle) std::array<std::byte, sizeof(file_handle) + MAX_HANDLE_SZ> bytes{};
    file_handle* get() { return reinterpret_cast<file_handle*>(bytes.data()); }
};

} // namespace

UniqueFd open_folder_for_handles(const std::string& path) {
    return UniqueFd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK));
}

UniqueFd open_by_handle(const UniqueFd& folder, const FileHandle& handle) {
    if (handle.bytes.empty() || handle.bytes.size() > MAX_HANDLE_SZ) {
        errno = EINVAL;
        return {};
    }
    HandleSpace space;
    space.get()->handle_bytes = static_cast<unsigned>(handle.bytes.size());
    space.get()->handle_type = handle.type;
    std::memcpy(space.get()->f_handle, handle.bytes.data(), handle.bytes.size());
    return UniqueFd(::open_by_handle_at(folder.get(), space.get(), O_PATH | O_CLOEXEC));
}

std::optional<FileHandle> file_handle_of(const UniqueFd& file) {
    HandleSpace space;
    space.get()->handle_bytes = MAX_HANDLE_SZ;
    int mount = 0;
    if (::name_to_handle_at(file.get(), "", space.get(), &mount, AT_EMPTY_PATH) != 0)
        return std::nullopt;
    const auto* const bytes = reinterpret_cast<const char*>(space.get()->f_handle);
    return FileHandle{.type = space.get()->handle_type, .bytes = std::string(bytes, space.get()->handle_bytes)};
}

} // namespace cedana
