// SPDX-License-Identifier: Apache-2.0
// What comes from CRIU: messages of the image stream, whole and through a socket, and its statistics.
#include "cedana/base/event_loop.hpp"
#include "cedana/base/files.hpp"
#include "cedana/criu/statistics.hpp"
#include "cedana/criu/streamer_socket.hpp"

#include <array>
#include <cstring>
#include <string>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fuzz/fuzz.hpp"

namespace {

using namespace cedana;

void read_message(std::string_view text) {
    try {
        static_cast<void>(criu::parse_request(text));
    } catch (const Error&) {
        // Any message may be refused.
    }
}

void read_statistics(std::string_view text) { static_cast<void>(criu::parse_dump_statistics(text)); }

UniqueFd connect_to(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        std::abort();
    return fd;
}

void serve(std::string_view text, criu::Direction direction, const char* name) {
    static const TempDir folder("/dev/shm", "stream-fuzz");
    EventLoop loop;
    criu::StreamerSocket socket(loop, folder.path(), direction,
                                {.exists = [](const std::string& image) { return image.size() % 2 == 0; },
                                 .pipe = [](const std::string&, const UniqueFd&) {}});
    const UniqueFd peer = connect_to((folder.path() / name).string());
    if (::send(peer.get(), text.data(), text.size(), MSG_DONTWAIT) < 0)
        return;
    ::shutdown(peer.get(), SHUT_WR);
    try {
        // The end of the stream is the last event.
        while (loop.run_once(std::chrono::milliseconds(0)))
            continue;
    } catch (const Error&) {
        // A stream that is not CRIU's is refused.
    }
}

void serve_dump(std::string_view text) { serve(text, criu::Direction::capture, "streamer-capture.sock"); }
void serve_restore(std::string_view text) { serve(text, criu::Direction::serve, "streamer-serve.sock"); }

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::array k_parsers = {read_message, read_statistics, serve_dump, serve_restore};
    const testing::Chosen chosen = testing::choose(data, size, k_parsers.size());
    k_parsers[chosen.parser](chosen.text);
    return 0;
}
