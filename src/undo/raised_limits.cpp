// SPDX-License-Identifier: Apache-2.0
#include "cedana/undo/raised_limits.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/memory.hpp"
#include "cedana/base/text.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <exception>
#include <iterator>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <unistd.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

using Json = nlohmann::json;

constexpr const char* k_limits_note = "memory.limits";

void write_note(const fs::path& work, const std::vector<LimitFile>& files) {
    Json list = Json::array();
    for (const LimitFile& file : files)
        list.push_back({file.path.string(), file.value, file.wanted});
    std::string bytes;
    Json::to_cbor(list, bytes);
    replace_file(work / k_limits_note, bytes);
}

std::vector<LimitFile> read_note(const fs::path& work) {
    std::vector<LimitFile> files;
    std::error_code ignored;
    if (!fs::exists(work / k_limits_note, ignored))
        return files;
    for (const Json& file : Json::from_cbor(read_file(work / k_limits_note)))
        files.push_back({.path = file.at(0).get<std::string>(), .value = file.at(1), .wanted = file.at(2)});
    return files;
}

// The errno of the failure, or 0.
int write_limit(const fs::path& path, const std::string& value) {
    const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!file)
        return errno;
    return ::write(file.get(), value.data(), value.size()) == static_cast<ssize_t>(value.size()) ? 0 : errno;
}

std::optional<std::string> read_limit(const fs::path& path) {
    try {
        return std::string(trim(read_file(path, 4096)));
    } catch (const Error&) {
        return std::nullopt;
    }
}

std::uint64_t as_bytes(const std::string& text) {
    std::int64_t number = 0;
    return parse_number(text, number) && number > 0 ? static_cast<std::uint64_t>(number) : 0;
}

// Where the usage is above it, version 2 ends processes for a limit that is set (mm/memcontrol.c, memory_max_write):
// what is above must be taken back before.
bool fits_below(const fs::path& limit, std::uint64_t value) {
    const auto usage = read_limit(limit.parent_path() / "memory.current");
    if (!usage || as_bytes(*usage) <= value)
        return true;
    static_cast<void>(write_limit(limit.parent_path() / "memory.reclaim", std::to_string(as_bytes(*usage) - value)));
    return as_bytes(read_limit(limit.parent_path() / "memory.current").value_or("0")) <= value;
}

// Why it cannot be put back; empty if it is.
std::string put_back(const LimitFile& file) {
    constexpr int k_tries = 40;
    constexpr auto k_pause = std::chrono::milliseconds(50);
    const bool ends_processes = file.path.filename() == "memory.max";
    int err = EBUSY;
    for (int tries = 0; tries < k_tries; ++tries) {
        const auto present = read_limit(file.path);
        // Gone with its group, or set by somebody else.
        if (!present || *present != file.wanted)
            return {};
        if (!ends_processes || fits_below(file.path, as_bytes(file.value)))
            err = write_limit(file.path, file.value);
        if (err == 0)
            return {};
        // Version 1 refuses while it cannot take back what is above (mem_cgroup_resize_max).
        if (err != EBUSY && err != EINTR && err != EINVAL)
            break;
        std::this_thread::sleep_for(k_pause);
    }
    return fmt::format("{} stays at {} in place of {}: {}", file.path.string(), file.wanted, file.value,
                       err == EBUSY ? "more memory is in use" : errno_text(err));
}

} // namespace

bool can_raise(const MemoryLimit& limit) {
    return std::ranges::all_of(limit.files,
                               [](const LimitFile& file) { return ::access(file.path.c_str(), W_OK) == 0; });
}

RaisedLimits::RaisedLimits(const std::vector<MemoryLimit>& limits, const fs::path& work) {
    std::vector<LimitFile> files;
    for (const MemoryLimit& limit : limits)
        if (limit.is_short() && can_raise(limit))
            std::ranges::copy(limit.files, std::back_inserter(files));
    if (files.empty())
        return;
    // The kernel keeps whole pages.
    const auto page = page_size();
    for (LimitFile& file : files)
        file.wanted = std::to_string(as_bytes(file.wanted) / page * page);
    work_ = work;
    write_note(work, files);
    for (const LimitFile& file : files)
        if (const int err = write_limit(file.path, file.wanted); err != 0)
            spdlog::warn("the limit in {} cannot be raised to {} for the dump: {}", file.path.string(), file.wanted,
                         errno_text(err));
        else
            spdlog::debug("{} is {} until the dump is done", file.path.string(), file.wanted);
}

RaisedLimits::~RaisedLimits() { static_cast<void>(put_back()); }

bool RaisedLimits::put_back() noexcept {
    const fs::path work = std::exchange(work_, {});
    if (work.empty())
        return true;
    try {
        const PutBackLimits result = put_back_limits(work);
        for (const std::string& why : result.left)
            spdlog::warn("{}; `cedana check --clean` puts it back", why);
        return result.left.empty();
    } catch (const std::exception& error) {
        spdlog::warn("the limits of memory could not be put back: {}", error.what());
        return false;
    }
}

PutBackLimits put_back_limits(const fs::path& work) {
    PutBackLimits result;
    const std::vector<LimitFile> files = read_note(work);
    if (files.empty())
        return result;
    std::vector<LimitFile> left;
    for (auto file = files.rbegin(); file != files.rend(); ++file) {
        std::string why = put_back(*file);
        if (why.empty()) {
            result.done.push_back(file->path);
            continue;
        }
        result.left.push_back(std::move(why));
        left.insert(left.begin(), *file);
    }
    if (left.empty())
        ::unlink((work / k_limits_note).c_str());
    else
        write_note(work, left);
    return result;
}

} // namespace cedana
