// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/rpc.hpp"

#include "cedana/base/error.hpp"
#include "cedana/criu/image_fields.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include <spdlog/fmt/fmt.h>

namespace cedana::criu {

namespace {

// enum criu_req_type
constexpr std::uint64_t k_rpc_dump = 1;
constexpr std::uint64_t k_rpc_restore = 2;
constexpr std::uint64_t k_rpc_notify = 6;

struct RpcFlag {
    RpcOptions field;
    const char* option;
};

constexpr auto k_rpc_flags = std::to_array<RpcFlag>({{RpcOptions::ext_unix_sk, "--ext-unix-sk"},
                                                     {RpcOptions::tcp_established, "--tcp-established"},
                                                     {RpcOptions::evasive_devices, "--evasive-devices"},
                                                     {RpcOptions::shell_job, "--shell-job"},
                                                     {RpcOptions::file_locks, "--file-locks"},
                                                     {RpcOptions::link_remap, "--link-remap"},
                                                     {RpcOptions::rst_sibling, "--restore-sibling"},
                                                     {RpcOptions::tcp_skip_in_flight, "--skip-in-flight"},
                                                     {RpcOptions::weak_sysctls, "--weak-sysctls"},
                                                     {RpcOptions::tcp_close, "--tcp-close"},
                                                     {RpcOptions::mntns_compat_mode, "--mntns-compat-mode"},
                                                     {RpcOptions::skip_file_rwx_check, "--skip-file-rwx-check"}});

// enum criu_cg_mode
constexpr auto k_cgroup_modes =
    std::to_array<const char*>({"ignore", "none", "props", "soft", "full", "strict", "soft"});
// enum criu_network_lock_method, from 1
constexpr auto k_network_locks = std::to_array<const char*>({"iptables", "nftables", "skip"});

template <std::size_t Count>
std::string name_at(const std::array<const char*, Count>& names, std::uint64_t index) {
    if (index >= Count)
        throw Error(Fault::internal, "a container runtime has asked criu for something that is not known here");
    return names[index];
}

// ext_mount_map, inherit_fd, join_namespace and cgroup_root all begin so.
std::pair<std::string, std::string> pair_of(std::string_view message) {
    return {std::string(bytes_in(fields_of<RpcPair>(message), RpcPair::first)),
            std::string(bytes_in(fields_of<RpcPair>(message), RpcPair::second))};
}

std::string inherited_of(std::string_view message) {
    return fmt::format("fd[{}]:{}", number_in(fields_of<RpcPair>(message), RpcPair::second, 0),
                       bytes_in(fields_of<RpcPair>(message), RpcPair::first));
}

std::string cgroup_root_of(std::string_view message) {
    const auto [controller, path] = pair_of(message);
    return controller.empty() ? path : fmt::format("{}:{}", controller, path);
}

class OptionsReader {
  public:
    explicit OptionsReader(RpcCall& call) : call_(call) {}

    void read(std::string_view message) {
        auto field = fields_of<RpcOptions>(message);
        while (field.next())
            if (!read_flag(field) && !read_text(field))
                read_other(field);
    }

  private:
    void add(std::string option, std::string value) {
        call_.arguments.push_back(std::move(option));
        call_.arguments.push_back(std::move(value));
    }

    bool read_flag(protozero::pbf_message<RpcOptions>& field) {
        const auto flag = std::ranges::find(k_rpc_flags, field.tag(), &RpcFlag::field);
        if (flag == k_rpc_flags.end())
            return false;
        if (number_of(field) != 0)
            call_.arguments.emplace_back(flag->option);
        return true;
    }

    bool read_text(protozero::pbf_message<RpcOptions>& field) {
        switch (field.tag()) {
        case RpcOptions::root:
            call_.root = std::string(bytes_of(field));
            add("--root", call_.root);
            return true;
        case RpcOptions::ext_mnt: {
            auto [key, value] = pair_of(bytes_of(field));
            add("--external", fmt::format("mnt[{}]:{}", key, value));
            call_.mounts.push_back({.key = std::move(key), .value = std::move(value)});
            return true;
        }
        case RpcOptions::external:
            add("--external", std::string(bytes_of(field)));
            return true;
        case RpcOptions::inherit_fd:
            add("--inherit-fd", inherited_of(bytes_of(field)));
            return true;
        case RpcOptions::cg_root:
            add("--cgroup-root", cgroup_root_of(bytes_of(field)));
            return true;
        case RpcOptions::join_ns: {
            const auto [kind, file] = pair_of(bytes_of(field));
            add("--join-ns", fmt::format("{}:{}", kind, file));
            return true;
        }
        case RpcOptions::lsm_profile:
            add("--lsm-profile", std::string(bytes_of(field)));
            return true;
        case RpcOptions::lsm_mount_context:
            add("--lsm-mount-context", std::string(bytes_of(field)));
            return true;
        default:
            return false;
        }
    }

    void read_other(protozero::pbf_message<RpcOptions>& field) {
        switch (field.tag()) {
        case RpcOptions::pid:
            call_.pid = static_cast<pid_t>(number_of(field));
            break;
        case RpcOptions::notify_scripts:
            call_.wants_stages = number_of(field) != 0;
            break;
        case RpcOptions::manage_cgroups_mode:
            call_.arguments.push_back("--manage-cgroups=" + name_at(k_cgroup_modes, number_of(field)));
            break;
        case RpcOptions::network_lock:
            add("--network-lock", name_at(k_network_locks, number_of(field) - 1));
            break;
        case RpcOptions::empty_ns:
            // CLONE_NEWNET, the only one that CRIU knows.
            if (number_of(field) != 0)
                add("--empty-ns", "net");
            break;
        default:
            field.skip();
        }
    }

    RpcCall& call_;
};

RpcWork work_of(std::uint64_t type) {
    if (type == k_rpc_dump)
        return RpcWork::dump;
    return type == k_rpc_restore ? RpcWork::restore : RpcWork::other;
}

template <typename Parse>
auto parse_rpc(Parse&& parse) {
    return parse_messages(Fault::internal, "a container runtime has sent criu a request that cannot be read", parse);
}

std::string response(std::uint64_t type, bool success, RpcResponse field = {}, const std::string& more = {}) {
    std::string message;
    protozero::pbf_builder<RpcResponse> out(message);
    out.add_enum(RpcResponse::type, static_cast<std::int32_t>(type));
    out.add_bool(RpcResponse::success, success);
    if (!more.empty())
        out.add_message(field, more);
    return message;
}

} // namespace

RpcCall parse_rpc_call(std::string_view message) {
    return parse_rpc([&] {
        RpcCall call{.work = work_of(number_in(fields_of<RpcRequest>(message), RpcRequest::type, 0))};
        if (call.work != RpcWork::other)
            OptionsReader(call).read(bytes_in(fields_of<RpcRequest>(message), RpcRequest::opts));
        return call;
    });
}

bool parse_stage_answer(std::string_view message) {
    return parse_rpc([&] {
        return number_in(fields_of<RpcRequest>(message), RpcRequest::type, 0) == k_rpc_notify &&
               number_in(fields_of<RpcRequest>(message), RpcRequest::notify_success, 0) != 0;
    });
}

std::string dump_request(pid_t pid, int images, int log_level) {
    std::string options;
    protozero::pbf_builder<RpcOptions> out(options);
    out.add_int32(RpcOptions::images_dir_fd, images);
    out.add_int32(RpcOptions::pid, pid);
    out.add_int32(RpcOptions::log_level, log_level);
    out.add_bool(RpcOptions::notify_scripts, true);
    std::string message;
    protozero::pbf_builder<RpcRequest> request(message);
    request.add_enum(RpcRequest::type, static_cast<std::int32_t>(k_rpc_dump));
    request.add_message(RpcRequest::opts, options);
    return message;
}

std::string stage_message(std::string_view stage, pid_t root) {
    std::string told;
    protozero::pbf_builder<RpcNotify> out(told);
    out.add_string(RpcNotify::script, stage.data(), stage.size());
    out.add_int32(RpcNotify::pid, root);
    return response(k_rpc_notify, true, RpcResponse::notify, told);
}

std::string restored_message(pid_t root) {
    std::string told;
    protozero::pbf_builder<RpcRestoreResponse>(told).add_int32(RpcRestoreResponse::pid, root);
    return response(k_rpc_restore, root != 0, RpcResponse::restore, root != 0 ? told : std::string());
}

std::string dumped_message() {
    std::string told;
    protozero::pbf_builder<RpcDumpResponse>(told).add_bool(RpcDumpResponse::restored, false);
    return response(k_rpc_dump, true, RpcResponse::dump, told);
}

} // namespace cedana::criu
