// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/criu/image_fields.hpp"
#include "cedana/criu/rpc.hpp"

#include <functional>

#include <gtest/gtest.h>

namespace cedana::criu {
namespace {

using OptionsBuilder = protozero::pbf_builder<RpcOptions>;

std::string pair_message(const std::string& first, const std::string& second) {
    std::string message;
    protozero::pbf_builder<RpcPair> out(message);
    out.add_string(RpcPair::first, first);
    out.add_string(RpcPair::second, second);
    return message;
}

std::string call_message(int type, const std::function<void(OptionsBuilder&)>& fill) {
    std::string options;
    OptionsBuilder builder(options);
    fill(builder);
    std::string message;
    protozero::pbf_builder<RpcRequest> out(message);
    out.add_enum(RpcRequest::type, type);
    out.add_message(RpcRequest::opts, options);
    return message;
}

TEST(RpcCall, OfARestoreIsCriusCommandLine) {
    std::string inherited;
    protozero::pbf_builder<RpcPair> inherit(inherited);
    inherit.add_string(RpcPair::first, "pipe:[7]");
    inherit.add_int32(RpcPair::second, 1);
    const RpcCall call = parse_rpc_call(call_message(2, [&](OptionsBuilder& out) {
        out.add_int32(RpcOptions::images_dir_fd, 20);
        out.add_string(RpcOptions::root, "/criu-root");
        out.add_bool(RpcOptions::rst_sibling, true);
        out.add_bool(RpcOptions::shell_job, false);
        out.add_bool(RpcOptions::notify_scripts, true);
        out.add_message(RpcOptions::ext_mnt, pair_message("/dev/shm", "/run/shm"));
        out.add_message(RpcOptions::inherit_fd, inherited);
        out.add_message(RpcOptions::cg_root, pair_message("cpu", "/a"));
        out.add_message(RpcOptions::join_ns, pair_message("net", "/run/netns/a"));
        out.add_string(RpcOptions::external, "net[7]:extRootNetNS");
        out.add_enum(RpcOptions::manage_cgroups_mode, 3);
        out.add_uint32(RpcOptions::empty_ns, 0x40000000);
        out.add_enum(RpcOptions::network_lock, 2);
    }));
    EXPECT_EQ(call.work, RpcWork::restore);
    EXPECT_TRUE(call.wants_stages);
    EXPECT_EQ(call.root, "/criu-root");
    ASSERT_EQ(call.mounts.size(), 1U);
    EXPECT_EQ(call.mounts.front().value, "/run/shm");
    EXPECT_EQ(call.arguments,
              (std::vector<std::string>{"--root", "/criu-root", "--restore-sibling", "--external",
                                        "mnt[/dev/shm]:/run/shm", "--inherit-fd", "fd[1]:pipe:[7]", "--cgroup-root",
                                        "cpu:/a", "--join-ns", "net:/run/netns/a", "--external", "net[7]:extRootNetNS",
                                        "--manage-cgroups=soft", "--empty-ns", "net", "--network-lock", "nftables"}));
}

TEST(RpcCall, OfOtherWorkIsForCriuItself) {
    EXPECT_EQ(parse_rpc_call(call_message(10, [](auto&) {})).work, RpcWork::other);
}

TEST(RpcCall, ThatCannotBeReadIsRefused) {
    EXPECT_THROW(static_cast<void>(parse_rpc_call("\x08")), Error);
    EXPECT_THROW(static_cast<void>(parse_rpc_call(
                     call_message(2, [](OptionsBuilder& out) { out.add_enum(RpcOptions::manage_cgroups_mode, 99); }))),
                 Error);
}

TEST(StageAnswer, IsAYesOnlyIfItSaysSo) {
    std::string yes;
    protozero::pbf_builder<RpcRequest> out(yes);
    out.add_enum(RpcRequest::type, 6);
    EXPECT_FALSE(parse_stage_answer(yes));
    out.add_bool(RpcRequest::notify_success, true);
    EXPECT_TRUE(parse_stage_answer(yes));
}

TEST(RpcMessages, AskForADumpThatTellsOfItsStages) {
    const std::string request = dump_request(42, 7, 2);
    const RpcCall call = parse_rpc_call(request);
    EXPECT_EQ(call.work, RpcWork::dump);
    EXPECT_EQ(call.pid, 42);
    EXPECT_TRUE(call.wants_stages);
    const std::string_view opts = bytes_in(fields_of<RpcRequest>(request), RpcRequest::opts);
    EXPECT_EQ(number_in(fields_of<RpcOptions>(opts), RpcOptions::images_dir_fd, 0), 7U);
    EXPECT_EQ(number_in(fields_of<RpcOptions>(opts), RpcOptions::log_level, 9), 2U);
}

TEST(RpcMessages, TellTheStageAndTheEnd) {
    const std::string stage = stage_message("post-restore", 42);
    EXPECT_EQ(
        bytes_in(fields_of<RpcNotify>(bytes_in(fields_of<RpcResponse>(stage), RpcResponse::notify)), RpcNotify::script),
        "post-restore");
    EXPECT_EQ(number_in(fields_of<RpcResponse>(restored_message(0)), RpcResponse::success, 9), 0U);
    EXPECT_EQ(number_in(fields_of<RpcResponse>(restored_message(42)), RpcResponse::success, 9), 1U);
    EXPECT_EQ(number_in(fields_of<RpcResponse>(dumped_message()), RpcResponse::type, 9), 1U);
}

} // namespace
} // namespace cedana::criu
