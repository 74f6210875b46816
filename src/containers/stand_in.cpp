// SPDX-License-Identifier: Apache-2.0
#include "cedana/containers/stand_in.hpp"

#include "cedana/base/child_process.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/unix_socket.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace cedana::containers {

namespace fs = std::filesystem;

namespace {

using Json = nlohmann::json;

// Longer than any request: the options of a container with a thousand mounts have some hundred kilobytes.
constexpr std::size_t k_longest_request = 1UL << 20;
// A runtime sends its request at once.
constexpr int k_request_milliseconds = 10'000;

// The request stays in the socket, for whoever it is for.
std::string peek(int runtime) {
    pollfd ready{.fd = runtime, .events = POLLIN, .revents = 0};
    std::string request(k_longest_request, '\0');
    const ssize_t size = ::poll(&ready, 1, k_request_milliseconds) == 1
                             ? ::recv(runtime, request.data(), request.size(), MSG_PEEK | MSG_DONTWAIT)
                             : -1;
    if (size <= 0)
        throw Error(Fault::restore_failed, "a container runtime has started criu and asked for nothing");
    request.resize(static_cast<std::size_t>(size));
    return request;
}

UniqueFd runtime_at(int connection) {
    if (auto process = peer_of(connection))
        return std::move(*process);
    throw Error(Fault::restore_failed, "what a container runtime has started has ended at once");
}

std::string encode(const StandInAnswer& answer) {
    const std::vector<std::uint8_t> bytes = Json::to_cbor({{"kind", static_cast<int>(answer.kind)},
                                                           {"argv", answer.argv},
                                                           {"environment", answer.environment},
                                                           {"files", answer.files},
                                                           {"terminal", answer.terminal}});
    return {bytes.begin(), bytes.end()};
}

} // namespace

StandIn::StandIn(EventLoop& loop, const fs::path& work, const std::string& criu, Called called)
    : loop_(loop), work_(work), called_(std::move(called)), listener_(listen_unix(work / "swrk.sock")) {
    std::error_code error;
    const fs::path self = fs::read_symlink("/proc/self/exe", error);
    fs::create_directory(work / "bin", error);
    if (!error)
        fs::create_symlink(self, work / "bin" / "criu", error);
    if (!error)
        fs::create_symlink(criu, work / "criu", error);
    if (error)
        throw os_error(error.value(), fmt::format("cannot stand in for criu in {}", work.string()), Fault::storage);
    loop_.watch(listener_.get(), POLLIN, [this](short) { accept(); });
}

StandIn::~StandIn() {
    loop_.unwatch(listener_.get());
    // Another may follow in the same folder.
    std::error_code ignored;
    for (const char* name : {"swrk.sock", "bin/criu", "criu"})
        fs::remove(work_ / name, ignored);
}

void StandIn::accept() {
    const UniqueFd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!connection)
        throw OsFailure().error("cannot accept a connection");
    std::array<char, 1> byte{};
    UniqueFd runtime;
    if (receive_with_fd(connection.get(), byte, runtime, 0) != 1 || !runtime)
        return;
    const std::string answered = encode(answer(std::move(runtime), runtime_at(connection.get())));
    static_cast<void>(send_with_fd(connection.get(), answered, -1));
}

StandInAnswer StandIn::answer(UniqueFd runtime, UniqueFd process) {
    const std::string request = peek(runtime.get());
    criu::RpcCall call = criu::parse_rpc_call(request);
    if (call.work == criu::RpcWork::other)
        return {};
    std::string taken(request.size(), '\0');
    if (::recv(runtime.get(), taken.data(), taken.size(), MSG_DONTWAIT) < 0)
        throw OsFailure().error("cannot take the request of a container runtime");
    return called_({.call = std::move(call), .runtime = std::move(runtime), .process = std::move(process)});
}

} // namespace cedana::containers
