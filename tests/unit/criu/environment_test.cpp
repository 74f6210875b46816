// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/criu/environment.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <spdlog/fmt/fmt.h>

#include <sys/stat.h>

#include "unit/temp_folder.hpp"

namespace cedana::criu {
namespace {

class CriuProgram : public test::InTempFolder {
  protected:
    [[nodiscard]] std::string answering(const std::string& output) const {
        const auto program = write("criu", "#!/bin/sh\nprintf '" + output + "'\n");
        ::chmod(program.c_str(), 0700);
        return program.string();
    }
};

Fault fault_of_version(const std::string& program) {
    try {
        static_cast<void>(require_version(program));
    } catch (const Error& error) {
        return error.fault();
    }
    return Fault::internal;
}

TEST_F(CriuProgram, TellsItsVersion) { EXPECT_EQ(require_version(answering("Version: 4.2.1\\n")), "4.2.1"); }

TEST_F(CriuProgram, IsRefusedWhenItIsTooOld) {
    EXPECT_EQ(fault_of_version(answering("Version: 3.17.1\\n")), Fault::environment);
}

TEST_F(CriuProgram, IsRefusedWhenItAnswersSomethingElse) {
    EXPECT_EQ(fault_of_version(answering("hello\\n")), Fault::environment);
}

TEST_F(CriuProgram, IsRefusedWhenItIsNotThere) {
    EXPECT_THROW(static_cast<void>(find_program(path("missing").string())), Error);
    EXPECT_THROW(static_cast<void>(find_program("no-such-program-anywhere")), Error);
}

// As long as a file that was changed just now is not taken for one that stays as it is.
void make_older(const std::string& program, const std::filesystem::path& notes, const std::string& version) {
    struct ::stat info {};
    ASSERT_EQ(::stat(program.c_str(), &info), 0);
    std::ofstream(notes) << fmt::format("{}\n{}:{}:{}:{}.{:09}:{}.{:09} {}\n", version, info.st_dev, info.st_ino,
                                        info.st_size, info.st_ctim.tv_sec, info.st_ctim.tv_nsec, info.st_mtim.tv_sec,
                                        info.st_mtim.tv_nsec, program);
}

// A program of this host, which does not answer as CRIU does.
TEST_F(CriuProgram, IsNotAskedAgainWhileItIsTheSameFile) {
    const std::string program = "/bin/true";
    make_older(program, path("notes"), "4.2.1");
    EXPECT_EQ(require_version(program, path("notes")), "4.2.1");
}

TEST_F(CriuProgram, IsAskedWhenItIsAnotherFileThanTheOneThatAnswered) {
    make_older("/bin/true", path("notes"), "4.2.1");
    EXPECT_THROW(static_cast<void>(require_version("/bin/false", path("notes"))), Error);
}

TEST_F(CriuProgram, IsAskedWhenItHasJustBeenChanged) {
    const std::string program = path("criu").string();
    std::filesystem::copy_file("/bin/true", program);
    make_older(program, path("notes"), "4.2.1");
    EXPECT_THROW(static_cast<void>(require_version(program, path("notes"))), Error);
}

TEST_F(CriuProgram, IsAskedWhenItIsAScript) {
    const std::string program = answering("Version: 4.2.1\\n");
    make_older(program, path("notes"), "9.9");
    EXPECT_EQ(require_version(program, path("notes")), "4.2.1");
}

TEST_F(CriuProgram, IsTakenByItsPath) {
    const std::string program = answering("");
    EXPECT_EQ(find_program(program), program);
}

TEST(CleanEnvironment, HoldsNothingOfTheCallers) {
    ::setenv("LD_PRELOAD_TEST", "x", 1);
    const auto environment = clean_environment({"A=b"});
    EXPECT_EQ(std::ranges::count(environment, "A=b"), 1);
    EXPECT_TRUE(std::ranges::none_of(environment, [](const auto& entry) { return entry.starts_with("LD_"); }));
}

} // namespace
} // namespace cedana::criu
