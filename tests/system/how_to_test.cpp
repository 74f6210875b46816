// SPDX-License-Identifier: Apache-2.0
// docs/how-to.md, run as somebody would type it: of each section the blocks that are marked "run", in one shell.
#include "cedana/base/child_process.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"

#include <chrono>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include <unistd.h>

#include "system/network.hpp"
#include "system/system_fixture.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;

struct Block {
    std::string language;
    std::string text;
};

// By the heading of the section.
std::map<std::string, std::vector<Block>> marked_blocks() {
    std::map<std::string, std::vector<Block>> blocks;
    std::string section;
    Block* open = nullptr;
    for (const std::string& line : split(read_file(fs::path(CEDANA_SOURCE_DIR) / "docs/how-to.md"), '\n')) {
        if (open != nullptr && line != "```")
            open->text += line + "\n";
        else if (line.starts_with("## "))
            section = line.substr(3);
        else if (line.starts_with("```") && line.ends_with(" run"))
            open = &blocks[section].emplace_back(Block{.language = line.substr(3, line.size() - 7), .text = {}});
        else
            open = nullptr;
    }
    return blocks;
}

// crontab(5): five fields of time, and in /etc/cron.d the user.
std::string command_of(const std::string& crontab) {
    std::string_view rest = crontab;
    for (int field = 0; field < 6; ++field)
        rest.remove_prefix(rest.find(' ') + 1);
    return std::string(rest);
}

class HowTo : public System {
  protected:
    // The page speaks of places that are not a test's to use, and of programs that others may run at the same time.
    [[nodiscard]] std::string here(std::string text) const {
        const std::vector<std::pair<std::string, std::string>> places = {
            {"/mnt/shared", scratch("shared")},
            {"/var/tmp/cedana", scratch("dumps")},
            {"/etc/cedana/config.json", scratch("config.json")},
            {"/etc/cedana", folder()},
            {"/run/job.pid", scratch("job.pid")},
            {"/run/redis/redis-server.pid", scratch("redis.pid")},
            {"redis-cli", fmt::format("redis-cli -p {}", port)},
            {"train.py", fmt::format("train-{}.py", ::getpid())}};
        for (const auto& [there, instead] : places)
            for (std::size_t at = text.find(there); at != std::string::npos; at = text.find(there, at + instead.size()))
                text.replace(at, there.size(), instead);
        return text;
    }

    // `before`: what the page takes for granted. `meanwhile`: what has come true until somebody has typed the second
    // block.
    [[nodiscard]] Captured run(const std::string& section, const std::string& before = "",
                               const std::string& meanwhile = "") const {
        std::string script = "set -euo pipefail\n" + before;
        const std::vector<Block> blocks = marked_blocks()[section];
        for (const Block& block : blocks) {
            if (&block == &blocks.front() + 1)
                script += meanwhile;
            script += block.language == "cron" ? command_of(block.text) : block.text;
        }
        fs::create_directories(scratch("bin"));
        fs::create_directories(scratch("shared"));
        fs::create_symlink(cedana_executable(), scratch("bin/cedana"));
        // Everything here is run by root already.
        write_script(scratch("bin/sudo"), "#!/bin/sh\nexec \"$@\"\n");
        write_text(scratch(here("train.py")), "import time\nfor step in range(10 ** 9):\n"
                                              "    print('step', step, flush=True)\n    time.sleep(0.05)\n");
        write_text(scratch("config.json"),
                   fmt::format(R"({{"shared_storage": {{"dump_storage_dir": "{}"}}}})", store().string()));
        return run_captured(
            {.argv = {"/bin/bash", "-c", here(script)},
             .cwd = folder(),
             .env = std::vector<std::string>{"PATH=" + scratch("bin").string() +
                                                 ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                                             "HOME=" + options.home.string(),
                                             "CEDANA_CONFIG=" + scratch("config.json").string()}},
            std::chrono::seconds(90));
    }

    const std::uint16_t port = free_port();
    // A process whose pid is in a file, as a child of the shell, which reaps it.
    static constexpr const char* k_job = "setsid sleep infinity </dev/null &>/dev/null &\n"
                                         "until grep -q sleep /proc/$!/comm; do :; done\n"
                                         "echo $! >/run/job.pid\n";
};

TEST_F(HowTo, ALongComputationComesBackWhereItWas) {
    const Captured run = this->run("A long computation", "", "until grep -q step train.log; do sleep 0.05; done\n");
    ASSERT_TRUE(run.status.success()) << run.out << run.err;
    EXPECT_TRUE(matches(run.out, "[^]*train-[0-9]+\\.py_[0-9TZ]+\\.zip\n[0-9]+\nstep [0-9]+\n"));
}

TEST_F(HowTo, RedisHasItsDataAgain) {
    require_program("/usr/bin/redis-server", "redis-server");
    if (IsSkipped() || HasFatalFailure())
        return;
    const Captured run =
        this->run("Redis", fmt::format("setsid redis-server --port {} --bind 127.0.0.1 --dir {} --save '' --pidfile "
                                       "/run/redis/redis-server.pid </dev/null &>redis.log &\n"
                                       "until redis-cli ping &>/dev/null; do sleep 0.05; done\n",
                                       port, folder().string()));
    ASSERT_TRUE(run.status.success()) << run.out << run.err;
    EXPECT_TRUE(matches(run.out, "OK\n[^]*redis-server_[0-9TZ]+\\.zip\n[0-9]+\notter\n"));
}

TEST_F(HowTo, AProcessMovesOverASharedFolder) {
    const Captured run = this->run("Another machine, over a shared folder", k_job);
    ASSERT_TRUE(run.status.success()) << run.out << run.err;
    EXPECT_TRUE(holds(run.out, "whole"));
    EXPECT_TRUE(is_running(std::stoi(read_file(scratch("job.pid")))));
    EXPECT_EQ(names_in(scratch("shared"), ".zip").size(), 1U);
}

TEST_F(HowTo, ASpotInstanceEndsAndGoesOn) {
    const std::string shared =
        R"({"shared_storage": {"dump_storage_dir": "/var/tmp/cedana", "mount_point": "/mnt/shared"}})";
    const Captured run =
        this->run("A spot instance",
                  fmt::format("mkdir -p /var/tmp/cedana\necho '{}' >/etc/cedana/config.json\n{}", shared, k_job));
    ASSERT_TRUE(run.status.success()) << run.out << run.err;
    // The summary of a dump; the shell itself tells that the job has ended.
    EXPECT_FALSE(holds(run.err, "frozen"));
    EXPECT_TRUE(is_running(std::stoi(read_file(scratch("job.pid")))));
}

TEST_F(HowTo, EveryHourIsOneLineOfCron) {
    const Captured run = this->run("Every hour", k_job);
    ASSERT_TRUE(run.status.success()) << run.out << run.err;
    EXPECT_EQ(names_in(store(), ".zip").size(), 1U);
}

TEST(HowToPage, HasNoMarkedBlockThatNoTestRuns) {
    std::vector<std::string> sections;
    for (const auto& [section, blocks] : marked_blocks())
        sections.push_back(section);
    EXPECT_EQ(sections, (std::vector<std::string>{"A long computation", "A spot instance",
                                                  "Another machine, over a shared folder", "Every hour", "Redis"}));
}

} // namespace
} // namespace cedana::testing
