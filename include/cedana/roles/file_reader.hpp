// SPDX-License-Identifier: Apache-2.0
// Reads the files of a tree that stands still, as a process of its own: the role `reader`. A file system that does not
// answer holds whoever reads from it, and no signal ends that; then the reader is abandoned, and the tree runs on.
// Nothing that it has open is CRIU's, nor the command's.
#pragma once

#include "cedana/base/child_process.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/roles/role.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>

#include <sys/stat.h>
#include <sys/types.h>

namespace cedana::roles {

// By its name; or by a descriptor of the tree's, which breaks no lease and is seen by nobody.
struct FileName {
    std::filesystem::path path;
    pid_t holder = 0;
    int descriptor = -1;
};

// Memory that two processes have.
class SharedBytes {
  public:
    // Of a memfd; none: makes one. Throws Error.
    explicit SharedBytes(UniqueFd file = {});
    SharedBytes(const SharedBytes&) = delete;
    SharedBytes& operator=(const SharedBytes&) = delete;
    ~SharedBytes();

    [[nodiscard]] const UniqueFd& file() const noexcept { return file_; }
    [[nodiscard]] std::span<std::byte> bytes() const noexcept { return bytes_; }

  private:
    UniqueFd file_;
    std::span<std::byte> bytes_;
};

class FileReader {
  public:
    struct Rules {
        // Copies that do not fit into `memory` bytes lie in `folder`.
        std::filesystem::path folder = {};
        std::uint64_t memory = 0;
        // How long nothing may move; zero: for ever.
        std::chrono::milliseconds limit{};
    };

    // Starts the role. Throws Error.
    explicit FileReader(const Rules& rules);
    FileReader(const FileReader&) = delete;
    FileReader& operator=(const FileReader&) = delete;
    // Does not wait for one that cannot be ended.
    ~FileReader();

    // All of these wait until the reader has done it, and throw Error(Fault::interrupted), Error(Fault::storage) once
    // nothing has moved for as long as it may, and else Error of the errno. The reader is not asked anything more after
    // the first two.

    // Opens a file under a number, until drop(); what fstat(2) says of it. Absent, with errno in `error`.
    [[nodiscard]] std::optional<struct ::stat> open(std::uint64_t number, const FileName& name, int& error,
                                                    const Interrupt& interrupt);
    void drop(std::uint64_t number, const Interrupt& interrupt);
    // A private copy; a clone alone (files/private_copy.hpp): none where there cannot be one.
    [[nodiscard]] UniqueFd copy(std::uint64_t number, std::uint64_t size, const Interrupt& interrupt);
    [[nodiscard]] UniqueFd clone(std::uint64_t number, const Interrupt& interrupt);
    // In hexadecimal; empty if the file ends before `size`, or more than `bound` bytes would have to be read.
    [[nodiscard]] std::string digest(std::uint64_t number, std::uint64_t size, std::uint64_t bound,
                                     const Interrupt& interrupt);
    // As blocks_digest() (files/sparse_copy.hpp).
    [[nodiscard]] std::string digest_of_blocks(std::uint64_t number, std::uint64_t size, std::uint64_t bound,
                                               const Interrupt& interrupt);
    // As pread(2), but no more than a MiB of which `out` has room: how many there were.
    [[nodiscard]] std::size_t read(std::uint64_t number, std::uint64_t offset, std::span<std::byte> out,
                                   const Interrupt& interrupt);

  private:
    struct Wanted;

    [[nodiscard]] std::string ask(const Wanted& wanted, const Interrupt& interrupt, UniqueFd* passed = nullptr);
    [[nodiscard]] Error stands_still() const;

    std::chrono::milliseconds limit_;
    SharedBytes piece_;
    UniqueFd socket_;
    std::optional<ChildProcess> child_;
    // What was asked for last.
    std::filesystem::path path_;
    std::map<std::uint64_t, std::filesystem::path> paths_;
};

[[nodiscard]] Role reader();

} // namespace cedana::roles
