// SPDX-License-Identifier: Apache-2.0
// What `inspect --maps` decodes from CRIU's images, compared with what the kernel says of the process, which runs on.
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"

#include <cstdint>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

#include <nlohmann/json.hpp>

#include "system/step_log.hpp"
#include "system/system_fixture.hpp"

namespace cedana::testing {
namespace {

using Json = nlohmann::json;
// Start, end, mode, path.
using Range = std::tuple<std::uint64_t, std::uint64_t, std::string, std::string>;

class Maps : public System {
  protected:
    // proc(5). What the kernel itself maps ([vvar], [vdso], [vsyscall]) has other borders from release to release.
    [[nodiscard]] static std::vector<Range> seen_by_the_kernel(pid_t pid) {
        std::vector<Range> ranges;
        for (const std::string& line : split(read_file("/proc/" + std::to_string(pid) + "/maps"), '\n')) {
            std::istringstream fields(line);
            std::uint64_t start = 0;
            std::uint64_t end = 0;
            char dash = 0;
            std::string mode, offset, device, inode, path;
            if (!(fields >> std::hex >> start >> dash >> end >> mode >> offset >> device >> inode))
                continue;
            fields >> path;
            if (!path.starts_with("[v"))
                ranges.emplace_back(start, end, mode, path);
        }
        return ranges;
    }
    [[nodiscard]] static std::vector<Range> decoded(const Json& map) {
        std::vector<Range> ranges;
        for (const Json& one : map.at("mappings"))
            if (const std::string name = one.at("name"); !name.starts_with("[v"))
                ranges.emplace_back(one.at("start"), one.at("end"), one.at("mode"), name);
        return ranges;
    }
    [[nodiscard]] Json maps_of(const Target& target) const {
        const CedanaRun dumped = dump(target.pid());
        EXPECT_EQ(dumped.exit_code, 0) << dumped.err;
        const CedanaRun run =
            run_cedana({"client", "inspect", only_line(dumped.out), "--maps", "--images", "--json"}, options);
        EXPECT_EQ(run.exit_code, 0) << run.err;
        return Json::parse(only_line(run.out));
    }
};

TEST_F(Maps, AreThoseThatTheKernelTells) {
    const Target target({"/bin/sleep", "infinity"});
    const Json json = maps_of(target);
    EXPECT_EQ(decoded(json.at("maps").at(0)), seen_by_the_kernel(target.pid()));
}

TEST_F(Maps, TellOfEachPageWhereItBelongs) {
    const Target target({"/bin/sleep", "infinity"});
    const Json json = maps_of(target);
    std::uint64_t kept = 0;
    for (const Json& one : json.at("maps").at(0).at("mappings"))
        kept += one.at("bytes_in_images").get<std::uint64_t>();
    std::uint64_t pages = 0;
    for (const Json& image : json.at("images"))
        if (image.at("name").get<std::string>().starts_with("pages-"))
            pages += image.at("size").get<std::uint64_t>();
    EXPECT_EQ(kept, pages);
    EXPECT_NE(pages, 0U);
}

TEST_F(Maps, HaveEveryThreadWithItsPlaceInCodeAndItsStack) {
    const Target target({target_program("threads"), scratch("log")}, scratch("out"));
    // The last of the eight.
    wait_for_text(scratch("log"), "7 1\n");
    const Json map = maps_of(target).at("maps").at(0);
    EXPECT_EQ(map.at("threads").size(), names_in("/proc/" + target.pid_text() + "/task").size());
    const auto mode_at = [&](std::uint64_t address) {
        for (const Json& one : map.at("mappings"))
            if (one.at("start") <= address && address < one.at("end"))
                return one.at("mode").get<std::string>();
        return std::string("not mapped");
    };
    for (const Json& thread : map.at("threads")) {
        const Json& registers = thread.at("registers");
        EXPECT_EQ(mode_at(registers.at(registers.contains("ip") ? "ip" : "pc")), "r-xp");
        EXPECT_EQ(mode_at(registers.at("sp")), "rw-p");
    }
}

} // namespace
} // namespace cedana::testing
