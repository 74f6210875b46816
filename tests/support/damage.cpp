// SPDX-License-Identifier: Apache-2.0
#include "support/damage.hpp"

#include "cedana/archive/zip_reader.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/checkpoint/whole_check.hpp"
#include "cedana/model/manifest.hpp"

#include <functional>
#include <map>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <sys/mman.h>
#include <unistd.h>

namespace cedana::testing {

namespace {

constexpr std::size_t k_entry_limit = 64UL * 1024 * 1024;

// A copy of a checkpoint in memory that has a path.
class Copy {
  public:
    explicit Copy(const std::string& content) : fd_(::memfd_create("checkpoint", MFD_CLOEXEC)) { write(content, 0); }

    [[nodiscard]] std::string path() const { return fmt::format("/proc/self/fd/{}", fd_.get()); }

    void write(std::string_view bytes, std::size_t offset) const {
        if (::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset)) !=
            static_cast<ssize_t>(bytes.size()))
            throw OsFailure().error("cannot write a copy of a checkpoint");
    }

    void cut(std::size_t size) const {
        if (::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0)
            throw OsFailure().error("cannot cut a copy of a checkpoint");
    }

  private:
    UniqueFd fd_;
};

std::map<std::string, std::string> contents_of(
    const std::string& path,
    const std::function<bool(const EntryInfo&)>& is_wanted = [](const EntryInfo&) { return true; }) {
    const ZipReader zip(path);
    std::map<std::string, std::string> contents;
    for (const EntryInfo& entry : zip.entries())
        if (is_wanted(entry))
            contents.emplace(entry.name, zip.read(entry.name, k_entry_limit));
    return contents;
}

bool is_found(const std::string& path) {
    try {
        static_cast<void>(WholeCheck(1, Keyring()).run(path));
        return false;
    } catch (const Error& error) {
        return error.fault() == Fault::checkpoint;
    }
}

class Trial {
  public:
    explicit Trial(const std::string& content) : copy_(content), contents_(contents_of(copy_.path())) {}

    void count(std::size_t offset) {
        ++count_.tried;
        if (is_found(copy_.path()))
            ++count_.found;
        else
            (contents_of(copy_.path()) == contents_ ? count_.without_effect : count_.missed).push_back(offset);
    }
    [[nodiscard]] const Copy& copy() const { return copy_; }
    [[nodiscard]] DamageCount result() const { return count_; }

  private:
    Copy copy_;
    std::map<std::string, std::string> contents_;
    DamageCount count_;
};

} // namespace

bool restores_the_same(const std::string& checkpoint, const std::string& other) {
    const auto is_read = [](const EntryInfo& entry) { return entry.name != k_dump_log_entry; };
    try {
        return contents_of(Copy(checkpoint).path(), is_read) == contents_of(Copy(other).path(), is_read);
    } catch (const Error&) {
        return false;
    }
}

DamageCount flip_bytes(const std::string& checkpoint, std::size_t stride, unsigned char mask) {
    Trial trial(checkpoint);
    for (std::size_t offset = 0; offset < checkpoint.size(); offset += stride) {
        const char byte = checkpoint[offset];
        const char flipped = static_cast<char>(static_cast<unsigned char>(byte) ^ mask);
        trial.copy().write({&flipped, 1}, offset);
        trial.count(offset);
        trial.copy().write({&byte, 1}, offset);
    }
    return trial.result();
}

DamageCount cut(const std::string& checkpoint, std::size_t stride) {
    Trial trial(checkpoint);
    for (std::size_t size = 0; size < checkpoint.size(); size += stride) {
        trial.copy().cut(size);
        trial.count(size);
        trial.copy().write(std::string_view(checkpoint).substr(size), size);
    }
    return trial.result();
}

} // namespace cedana::testing
