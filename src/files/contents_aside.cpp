// SPDX-License-Identifier: Apache-2.0
#include "cedana/files/contents_aside.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/mounts.hpp"
#include "cedana/base/text.hpp"

#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

using Json = nlohmann::json;

// moving: what is in the two folders together is what was in the one. moved: all of it is aside.
struct AsideStep {
    fs::path folder;
    fs::path aside;
    bool is_moved = false;
};

using AsideSteps = std::vector<AsideStep>;

void write_steps(const fs::path& note, const AsideSteps& steps) {
    Json json = Json::array();
    for (const AsideStep& step : steps)
        json.push_back({{"folder", step.folder.string()}, {"aside", step.aside.string()}, {"is_moved", step.is_moved}});
    // Paths are bytes, which JSON's text cannot hold.
    std::string bytes;
    Json::to_cbor(json, bytes);
    replace_file(note, bytes);
}

AsideSteps read_steps(const fs::path& note) {
    std::error_code ignored;
    AsideSteps steps;
    if (!fs::exists(note, ignored))
        return steps;
    for (const Json& json : Json::from_cbor(read_file(note)))
        steps.push_back({.folder = json.at("folder").get<std::string>(),
                         .aside = json.at("aside").get<std::string>(),
                         .is_moved = json.at("is_moved").get<bool>()});
    return steps;
}

std::vector<fs::path> contents_of(const fs::path& folder) {
    std::error_code error;
    std::vector<fs::path> names = entries_of(folder, error);
    if (error)
        throw os_error(error.value(), fmt::format("cannot read {}", printable(folder.string())), Fault::storage);
    return names;
}

void move_contents(const fs::path& from, const fs::path& into) {
    for (const fs::path& path : contents_of(from))
        if (::renameat2(AT_FDCWD, path.c_str(), AT_FDCWD, (into / path.filename()).c_str(), RENAME_NOREPLACE) != 0)
            throw OsFailure(Fault::storage)
                .error("cannot move {} to {}", printable(path.string()), printable(into.string()));
}

void remove_contents(const fs::path& folder) {
    for (const fs::path& path : contents_of(folder)) {
        std::error_code error;
        fs::remove_all(path, error);
        if (error)
            throw os_error(error.value(), fmt::format("cannot remove {}", printable(path.string())), Fault::storage);
    }
}

void take_back(const fs::path& note, AsideSteps& steps) {
    while (!steps.empty()) {
        AsideStep& step = steps.back();
        if (step.is_moved) {
            remove_contents(step.folder);
            step.is_moved = false;
            write_steps(note, steps);
        }
        std::error_code ignored;
        if (fs::exists(step.aside, ignored)) {
            move_contents(step.aside, step.folder);
            fs::remove(step.aside, ignored);
        }
        steps.pop_back();
        write_steps(note, steps);
    }
    ::unlink(note.c_str());
}

void remove_all_aside(const fs::path& note, const AsideSteps& steps) {
    for (const AsideStep& step : steps) {
        std::error_code error;
        fs::remove_all(step.aside, error);
        if (error)
            throw os_error(error.value(), fmt::format("cannot remove {}", printable(step.aside.string())),
                           Fault::storage);
    }
    ::unlink(note.c_str());
}

// They would go with it when what is aside is removed.
void require_no_mounts(const fs::path& folder) {
    auto mounts = mounted_below(folder, parse_mounts(read_file("/proc/self/mountinfo")));
    std::erase(mounts, folder.native());
    if (!mounts.empty())
        throw Error(Fault::storage, fmt::format("{} is mounted in {}, whose contents are to be replaced",
                                                printable(mounts.back()), printable(folder.string())))
            .hint("unmount it first");
}

} // namespace

ContentsAside::~ContentsAside() {
    if (!has_taken_)
        return;
    try {
        static_cast<void>(end_contents_aside(note_, AsideEnd::taken_back));
    } catch (const std::exception& error) {
        spdlog::warn("what a folder had before could not be put back into it: {}", error.what());
    }
}

void ContentsAside::take(const fs::path& folder) {
    require_no_mounts(folder);
    AsideSteps steps = read_steps(note_);
    const std::string name = fmt::format(".cedana-aside.{}.{}", note_.parent_path().filename().string(), steps.size());
    steps.push_back({.folder = folder, .aside = folder.parent_path() / name});
    write_steps(note_, steps);
    has_taken_ = true;
    const fs::path& aside = steps.back().aside;
    if (::mkdir(aside.c_str(), S_IRWXU) != 0)
        throw OsFailure(Fault::storage).error("cannot make {}", printable(aside.string()));
    move_contents(folder, aside);
    steps.back().is_moved = true;
    write_steps(note_, steps);
}

void ContentsAside::commit() {
    has_taken_ = false;
    static_cast<void>(end_contents_aside(note_, AsideEnd::committed));
}

std::vector<fs::path> end_contents_aside(const fs::path& note, AsideEnd end) {
    AsideSteps steps = read_steps(note);
    std::vector<fs::path> folders;
    for (const AsideStep& step : steps)
        folders.push_back(step.folder);
    if (steps.empty())
        return folders;
    if (end == AsideEnd::committed)
        remove_all_aside(note, steps);
    else
        take_back(note, steps);
    return folders;
}

std::vector<fs::path> find_contents_aside(const fs::path& note) {
    std::vector<fs::path> places;
    for (const AsideStep& step : read_steps(note))
        places.push_back(step.aside);
    return places;
}

} // namespace cedana
