// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/host/fit.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <sys/stat.h>

#include "unit/temp_folder.hpp"

namespace cedana {
namespace {

class HostFit : public test::InTempFolder {
  protected:
    HostFit() {
        manifest.name = "redis-server";
        manifest.host = host();
        manifest.host.name = "there";
    }
    static ManifestHost host() {
        return {.name = "here",
                .kernel = "6.1.0",
                .machine = "x86_64",
                .cpu_model = "a processor",
                .cpu_flags = {"sse4_2", "avx2", "arat"}};
    }
    void need(const std::filesystem::path& path, RequiredKind kind, std::uint64_t size = 0) {
        manifest.required_files.push_back({.path = path, .kind = kind, .size = size});
    }
    [[nodiscard]] std::vector<std::string> found() const { return misfits(manifest, host()); }

    Manifest manifest;
};

TEST_F(HostFit, IsGivenWhereEverythingIsAsItWas) {
    need(write("library", "four"), RequiredKind::file, 4);
    need(path("."), RequiredKind::folder);
    need("/dev/null", RequiredKind::other);
    EXPECT_EQ(found(), std::vector<std::string>());
    EXPECT_NO_THROW(require_fit(manifest, host()));
}

TEST_F(HostFit, NamesEverythingThatIsMissingOrChanged) {
    need(write("library", "four and more"), RequiredKind::file, 4);
    need(path("gone"), RequiredKind::file, 4);
    need(path("folder"), RequiredKind::folder);
    need(write("was-a-folder", ""), RequiredKind::folder);
    EXPECT_EQ(found(),
              (std::vector<std::string>{path("library").string() + ": had 4 bytes, has 13",
                                        path("gone").string() + ": missing", path("folder").string() + ": missing",
                                        path("was-a-folder").string() + ": was a folder, is a file"}));
}

TEST_F(HostFit, TakesALinkToTheSameThing) {
    write("library.so.1", "four");
    ASSERT_EQ(::symlink("library.so.1", path("library").c_str()), 0);
    need(path("library"), RequiredKind::file, 4);
    EXPECT_EQ(found(), std::vector<std::string>());
}

TEST_F(HostFit, TakesALinkThatWasOpenItselfWhereverItLeads) {
    write("there", "four");
    ASSERT_EQ(::symlink("there", path("link").c_str()), 0);
    ASSERT_EQ(::symlink("nowhere", path("dangling").c_str()), 0);
    need(path("link"), RequiredKind::other);
    need(path("dangling"), RequiredKind::other);
    EXPECT_EQ(found(), std::vector<std::string>());
}

TEST_F(HostFit, IsNotGivenOnAnotherMachine) {
    manifest.host.machine = "aarch64";
    manifest.host.cpu_flags = {"asimd"};
    EXPECT_EQ(found(), (std::vector<std::string>{"it was made on aarch64, and this host is x86_64"}));
    EXPECT_EQ(missing_instructions(manifest, host()), std::vector<std::string>());
}

TEST_F(HostFit, IsNotGivenWhereInstructionsAreMissing) {
    manifest.host.cpu_flags = {"sse4_2", "avx512f", "sha_ni", "arat"};
    EXPECT_EQ(missing_instructions(manifest, host()), (std::vector<std::string>{"avx512f", "sha_ni"}));
    try {
        require_instructions(manifest, host(), false);
        FAIL() << "not refused";
    } catch (const Error& error) {
        EXPECT_EQ(error.fault(), Fault::environment);
        EXPECT_EQ(error.cause(), "avx512f, sha_ni (a processor has them)");
    }
    EXPECT_NO_THROW(require_instructions(manifest, host(), true));
}

TEST_F(HostFit, IsGivenWhereThisCpuHasMoreOrLacksWhatOnlyKernelsUse) {
    manifest.host.cpu_flags = {"sse4_2", "tsc_known_freq", "hypervisor"};
    EXPECT_EQ(missing_instructions(manifest, host()), std::vector<std::string>());
}

TEST_F(HostFit, IsGivenToConnectionsWhoseAddressIsThere) {
    manifest.connections = {{.local_address = "10.0.0.1", .local_port = 80}, {.local_address = "127.0.0.2"}};
    EXPECT_EQ(homeless_connections(manifest, {"10.0.0.1"}), std::vector<std::string>());
}

TEST_F(HostFit, IsNotGivenToConnectionsOfAnotherHost) {
    manifest.connections = {
        {.local_address = "192.0.2.7", .local_port = 80, .remote_address = "192.0.2.9", .remote_port = 4242}};
    EXPECT_EQ(homeless_connections(manifest, {"10.0.0.1"}),
              (std::vector<std::string>{"192.0.2.7:80 to 192.0.2.9:4242"}));
    try {
        require_addresses(manifest, {});
        FAIL() << "not refused";
    } catch (const Error& error) {
        EXPECT_EQ(error.fault(), Fault::environment);
        EXPECT_NE(error.hint().find("--criu-arg=--tcp-close"), std::string::npos);
    }
    EXPECT_NO_THROW(require_addresses(manifest, {"--tcp-close"}));
}

TEST_F(HostFit, IsRefusedWithAllOfItAtOnce) {
    need(path("one"), RequiredKind::file);
    need(path("two"), RequiredKind::file);
    try {
        require_fit(manifest, host());
        FAIL() << "not refused";
    } catch (const Error& error) {
        EXPECT_EQ(error.fault(), Fault::environment);
        EXPECT_EQ(error.message(), "redis-server cannot run here: this host lacks what it had on there");
        EXPECT_NE(error.cause().find("one: missing"), std::string::npos) << error.cause();
        EXPECT_NE(error.cause().find("two: missing"), std::string::npos) << error.cause();
        EXPECT_NE(error.hint(), "");
    }
}

TEST_F(HostFit, NeedsTheMemoryOfTheImages) {
    manifest.bytes_images = 1001;
    try {
        require_memory(manifest, 0, 1000);
        FAIL() << "not refused";
    } catch (const Error& error) {
        EXPECT_EQ(error.fault(), Fault::environment);
    }
    EXPECT_NO_THROW(require_memory(manifest, 0, 1001));
    EXPECT_THROW(require_memory(manifest, 1, 1001), Error);
    EXPECT_NO_THROW(require_memory(manifest, 0, std::nullopt));
}

TEST_F(HostFit, NeedsDescriptorsForEachProcess) {
    manifest.tree.resize(1000);
    EXPECT_NO_THROW(require_descriptors(manifest, 4096));
    try {
        require_descriptors(manifest, 1024);
        FAIL() << "not refused";
    } catch (const Error& error) {
        EXPECT_EQ(error.fault(), Fault::environment);
    }
}

TEST_F(HostFit, NeedsALimitAboveTheHighestDescriptor) {
    const RestoreNeeds needs{.highest = {.pid = 42, .fd = 1023}};
    EXPECT_NO_THROW(require_descriptor_numbers(needs, "redis", 1024));
    EXPECT_NO_THROW(require_descriptor_numbers({}, "redis", 0));
    try {
        require_descriptor_numbers(needs, "redis", 1023);
        FAIL() << "not refused";
    } catch (const Error& error) {
        EXPECT_EQ(error.fault(), Fault::environment);
        EXPECT_EQ(error.message(), "redis cannot run here: process 42 has the descriptor 1023, and the limit of this "
                                   "host is 1023");
    }
}

TEST_F(HostFit, NeedsDescriptorsForWhatIsMapped) {
    const RestoreNeeds needs{.open_files = {.pid = 42, .descriptors = 10, .mappings = 900}};
    EXPECT_NO_THROW(require_descriptor_room(needs, "redis", 1024));
    EXPECT_THROW(require_descriptor_room(needs, "redis", 920), Error);
    EXPECT_NO_THROW(require_descriptor_room({}, "redis", 64));
}

TEST_F(HostFit, IsRefusedWithAListThatEnds) {
    for (int i = 0; i < 1000; ++i)
        need(path(std::to_string(i)), RequiredKind::file);
    try {
        require_fit(manifest, host());
        FAIL() << "not refused";
    } catch (const Error& error) {
        EXPECT_TRUE(error.cause().ends_with("and 980 more")) << error.cause();
    }
}

} // namespace
} // namespace cedana
