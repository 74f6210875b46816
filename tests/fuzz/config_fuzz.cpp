// SPDX-License-Identifier: Apache-2.0
// The config file, as the user's own one and as the administrator's.
#include "cedana/model/jsonc.hpp"
#include "cedana/model/loaded_config.hpp"

#include <optional>
#include <string>

#include <spdlog/fmt/fmt.h>

#include <sys/mman.h>
#include <unistd.h>

#include "fuzz/fuzz.hpp"

namespace {

using namespace cedana;

// One file in memory, which has a path.
class MemoryFile {
  public:
    MemoryFile() : fd_(::memfd_create("config", MFD_CLOEXEC)), path_(fmt::format("/proc/self/fd/{}", fd_)) {}
    void put(std::string_view text) const {
        if (::ftruncate(fd_, 0) != 0 || ::pwrite(fd_, text.data(), text.size(), 0) < 0)
            std::abort();
    }
    [[nodiscard]] const std::string& path() const { return path_; }

  private:
    int fd_;
    std::string path_;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const MemoryFile file;
    const std::string_view text = testing::text_of(data, size);
    testing::try_out(Fault::internal, [&] { static_cast<void>(parse_jsonc(text, "a")); });
    file.put(text);
    const auto nothing = [](const std::string&) { return std::optional<std::string>(); };
    for (const uid_t user : {0U, 1000U})
        testing::try_out(Fault::internal, [&] {
            const LoadedConfig loaded =
                load_config({.caller = {.uid = user, .gid = user, .name = "user", .home = "/none"},
                             .explicit_file = file.path(),
                             .system_file = file.path(),
                             .environment = nothing});
            static_cast<void>(config_rows(loaded));
        });
    return 0;
}
