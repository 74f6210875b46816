// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/engine/refusals.hpp"

#include <fstream>

#include <gtest/gtest.h>

namespace cedana {
namespace {

class DumpRefusals : public ::testing::Test {
  protected:
    DumpRefusals() { context.plugin_folders = {folder.path()}; }
    void install(const std::string& plugin) const { std::ofstream(folder.path() / plugin) << "x"; }
    std::size_t count() const { return standing_refusals(facts, context).size(); }

    TempDir folder = TempDir(std::filesystem::temp_directory_path(), "refusals-test");
    TreeFacts facts;
    RefusalContext context;
};

TEST_F(DumpRefusals, AreNoneWhenNothingWasSeen) { EXPECT_EQ(count(), 0U); }

TEST_F(DumpRefusals, AreTheErrorsOfADump) {
    facts.refusals = {{.pid = 1, .fault = Fault::permission, .sentence = "one", .hint = "do"}};
    const std::vector<Error> errors = errors_of(standing_refusals(facts, context));
    ASSERT_EQ(errors.size(), 1U);
    EXPECT_EQ(errors.front().fault(), Fault::permission);
    EXPECT_EQ(errors.front().message(), "one");
    EXPECT_EQ(errors.front().hint(), "do");
}

TEST_F(DumpRefusals, CountIfTwoLooksSeeThem) {
    const std::vector<Refusal> before = {{.pid = 1, .sentence = "a limit of 20", .hint = "let it have 30"}};
    std::vector<Refusal> now = {{.pid = 1, .sentence = "a limit of 21", .hint = "let it have 31"},
                                {.pid = 1, .sentence = "a device", .hint = "close it"}};
    keep_seen_before(now, before);
    ASSERT_EQ(now.size(), 1U);
    EXPECT_EQ(now.front().sentence, "a limit of 21");
}

TEST_F(DumpRefusals, WaitForAProgramThatPreparesItself) {
    facts.refusals = {{.pid = 1, .sentence = "a socket", .hint = "close it", .program_can_help = true}};
    EXPECT_EQ(count(), 1U);
    context.program_prepares_later = true;
    EXPECT_EQ(count(), 0U);
}

TEST_F(DumpRefusals, DoNotWaitForWhatNoProgramCanChange) {
    facts.refusals = {{.pid = 1, .sentence = "traced", .hint = "end it"}};
    context.program_prepares_later = true;
    EXPECT_EQ(count(), 1U);
}

TEST_F(DumpRefusals, AreLeftToCriuWhereItHasAPlugIn) {
    facts.refusals = {{.pid = 1, .sentence = "a device", .hint = "close it", .plugin_can_help = true}};
    EXPECT_EQ(count(), 1U);
    install("device_plugin.so");
    EXPECT_EQ(count(), 0U);
}

TEST_F(DumpRefusals, AreLeftToCriuWhereItIsToldOfExternalFiles) {
    facts.refusals = {{.pid = 1, .sentence = "a file", .hint = "close it", .plugin_can_help = true}};
    context.arguments = {"--external", "file[18:2a]"};
    EXPECT_EQ(count(), 0U);
}

TEST_F(DumpRefusals, NameThePlugInThatAGpuNeeds) {
    facts.gpu_devices = {{.pid = 4242, .path = "/dev/nvidia0"}, {.pid = 4242, .path = "/dev/nvidiactl"}};
    const auto refusals = standing_refusals(facts, context);
    ASSERT_EQ(refusals.size(), 1U);
    EXPECT_EQ(refusals[0].fault, Fault::environment);
    EXPECT_NE(refusals[0].sentence.find("process 4242 uses the GPU /dev/nvidia0"), std::string::npos);
    EXPECT_NE(refusals[0].hint.find("cuda_plugin.so"), std::string::npos);
}

TEST_F(DumpRefusals, NameADeletedFileThatIsTooLarge) {
    constexpr std::uint64_t k_gib = 1UL << 30;
    facts.deleted_files = {{.pid = 4242, .path = "/tmp/a", .allocated = k_gib, .size = k_gib},
                           {.pid = 4242, .path = "/tmp/b", .allocated = k_gib + 4096, .size = 2 * k_gib}};
    const auto refusals = standing_refusals(facts, context);
    ASSERT_EQ(refusals.size(), 1U);
    EXPECT_NE(refusals[0].sentence.find("/tmp/b"), std::string::npos);
    EXPECT_NE(refusals[0].hint.find("--criu-arg=--ghost-limit="), std::string::npos);
    context.arguments = {"--ghost-limit=2000000000"};
    EXPECT_EQ(count(), 0U);
}

TEST_F(DumpRefusals, OfWhatShutsAProgramInEndWithTheOptionForIt) {
    facts.sandbox = {{.pid = 4242, .sentence = "process 4242 (a) has sealed memory"}};
    const auto refusals = standing_refusals(facts, context);
    ASSERT_EQ(refusals.size(), 1U);
    EXPECT_EQ(refusals[0].fault, Fault::dump_failed);
    EXPECT_NE(refusals[0].hint.find("--without-sandbox"), std::string::npos);
    context.without_sandbox = true;
    EXPECT_EQ(count(), 0U);
}

TEST_F(DumpRefusals, DoNotMindAGpuThatHasItsPlugIn) {
    facts.gpu_devices = {{.pid = 4242, .path = "/dev/kfd"}};
    install("cuda_plugin.so");
    EXPECT_EQ(count(), 1U);
    install("amdgpu_plugin.so");
    EXPECT_EQ(count(), 0U);
}

TEST_F(DumpRefusals, AreLeftToCriuThatIsToldToPassOverIt) {
    facts.refusals = {{.pid = 1, .sentence = "a connection", .hint = "accept", .passed_with = "--skip-in-flight"}};
    EXPECT_EQ(count(), 1U);
    context.arguments = {"--skip-in-flight"};
    EXPECT_EQ(count(), 0U);
}

TEST_F(DumpRefusals, NameALostNameWhoseFileIsNotCopied) {
    facts.renamed_files = {{.path = "/var/lost", .pid = 7, .size = 5000}};
    EXPECT_EQ(count(), 0U);
    context.largest_copy = 5000;
    EXPECT_EQ(count(), 0U);
    context.largest_copy = 4999;
    ASSERT_EQ(count(), 1U);
    EXPECT_NE(standing_refusals(facts, context)[0].sentence.find("/var/lost"), std::string::npos);
    context.largest_copy = 0;
    EXPECT_EQ(count(), 1U);
}

TEST_F(DumpRefusals, AreOfMapsThatThisCriuWasNotBuiltFor) {
    facts.bpf_maps = {{.pid = 42, .fd = 7}};
    EXPECT_EQ(count(), 0U);
    context.criu = folder.path() / "criu";
    std::ofstream(context.criu) << "\177ELF without any";
    const auto standing = standing_refusals(facts, context);
    ASSERT_EQ(standing.size(), 1U);
    EXPECT_NE(standing[0].sentence.find("process 42 has a BPF map open (descriptor 7)"), std::string::npos);
    EXPECT_NE(standing[0].hint.find("libbpf"), std::string::npos);
    std::ofstream(context.criu) << "\177ELF Can't load key-value pairs to BPF map";
    EXPECT_EQ(count(), 0U);
}

} // namespace
} // namespace cedana
