// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/streamer_socket.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/unix_socket.hpp"
#include "cedana/criu/image_fields.hpp"

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <span>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace cedana::criu {

namespace {

// Image names are short ("pages-4242.img"); more is not CRIU.
constexpr std::uint32_t k_longest_message = 4096;

struct Received {
    std::string bytes = {};
    UniqueFd passed = {};
};

// At most `limit` bytes: a descriptor arrives with the byte that it was sent with, so no read may reach past
// the message that is being completed.
Received receive_some(int socket, std::size_t limit) {
    std::array<char, k_longest_message> data;
    Received received;
    const ssize_t count =
        receive_with_fd(socket, std::span(data).first(std::min(limit, data.size())), received.passed, MSG_DONTWAIT);
    if (count < 0) {
        const int err = errno;
        // A CRIU that ended before it read an answer (unix(7)).
        if (err == ECONNRESET)
            return {};
        throw os_error(err, "cannot read from criu's image stream");
    }
    received.bytes.assign(data.data(), static_cast<std::size_t>(count));
    return received;
}

// Ready for a loop that must not block in it, and as large as an ordinary fs.pipe-max-size allows: less only costs
// speed.
void set_up_pipe(int pipe) {
    constexpr int k_pipe_bytes = 1024 * 1024;
    ::fcntl(pipe, F_SETPIPE_SZ, k_pipe_bytes);
    if (::fcntl(pipe, F_SETFL, O_NONBLOCK) != 0)
        throw OsFailure().error("cannot set up the pipe of an image");
}

std::uint32_t length_of(std::string_view buffer) {
    std::uint32_t length = 0;
    std::memcpy(&length, buffer.data(), sizeof length);
    return length;
}

} // namespace

std::string parse_request(std::string_view message) {
    std::string name = parse_messages(Fault::internal, "criu sent an image request that cannot be read", [&] {
        return std::string(bytes_in(fields_of<StreamerRequest>(message), StreamerRequest::filename));
    });
    if (name.empty() || name.find('/') != std::string::npos || name.find('\0') != std::string::npos)
        throw Error(Fault::internal, "criu sent an image request without a usable name");
    return name;
}

std::string format_reply(bool exists) {
    std::string body;
    protozero::pbf_builder<StreamerReply>(body).add_bool(StreamerReply::exists, exists);
    const auto length = static_cast<std::uint32_t>(body.size());
    std::string reply(sizeof length, '\0');
    std::memcpy(reply.data(), &length, sizeof length);
    return reply + body;
}

StreamerSocket::StreamerSocket(EventLoop& loop, const std::filesystem::path& images, Direction direction,
                               Handlers handlers)
    : loop_(loop), direction_(direction), handlers_(std::move(handlers)),
      path_(images / (direction == Direction::capture ? "streamer-capture.sock" : "streamer-serve.sock")),
      listener_(listen_unix(path_)) {
    loop_.watch(listener_.get(), POLLIN, [this](short) { accept_connection(); });
}

StreamerSocket::~StreamerSocket() { close(); }

void StreamerSocket::accept_connection() {
    connection_ = UniqueFd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!connection_)
        throw OsFailure().error("cannot accept criu's connection");
    peer_ = peer_of(connection_.get());
    // CRIU connects once; whoever comes later is not CRIU.
    loop_.unwatch(listener_.get());
    listener_.reset();
    loop_.watch(connection_.get(), POLLIN, [this](short) { receive(); });
}

void StreamerSocket::receive() {
    std::size_t wanted = 1;
    if (!expects_pipe_)
        wanted = buffer_.size() < sizeof(std::uint32_t) ? sizeof(std::uint32_t) - buffer_.size()
                                                        : sizeof(std::uint32_t) + length_of(buffer_) - buffer_.size();
    Received received = receive_some(connection_.get(), wanted);
    if (received.bytes.empty()) {
        loop_.unwatch(connection_.get());
        connection_.reset();
        return;
    }
    consume(received.bytes, std::move(received.passed));
}

void StreamerSocket::consume(std::string_view bytes, UniqueFd passed) {
    if (expects_pipe_) {
        if (!passed)
            throw Error(Fault::internal, "criu sent no pipe for an image");
        set_up_pipe(passed.get());
        std::string name = std::move(*expects_pipe_);
        expects_pipe_.reset();
        handlers_.pipe(std::move(name), std::move(passed));
        return;
    }
    buffer_ += bytes;
    if (buffer_.size() < sizeof(std::uint32_t))
        return;
    const std::uint32_t length = length_of(buffer_);
    if (length == 0 || length > k_longest_message)
        throw Error(Fault::internal, fmt::format("criu sent an image request of {} bytes", length));
    if (buffer_.size() < sizeof length + length)
        return;
    const std::string name = parse_request(std::string_view(buffer_).substr(sizeof length));
    buffer_.clear();
    answer(name);
}

void StreamerSocket::answer(const std::string& name) {
    if (direction_ == Direction::serve) {
        const bool exists = handlers_.exists(name);
        // Two short words into an empty socket buffer: this does not block.
        const std::string reply = format_reply(exists);
        if (::send(connection_.get(), reply.data(), reply.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(reply.size()))
            return;
        if (!exists)
            return;
    }
    expects_pipe_ = name;
}

bool StreamerSocket::request_pending() const {
    if (!connection_)
        return false;
    pollfd entry{.fd = connection_.get(), .events = POLLIN, .revents = 0};
    const bool unread = ::poll(&entry, 1, 0) > 0 && (entry.revents & POLLIN) != 0;
    return unread || !buffer_.empty() || expects_pipe_.has_value();
}

void StreamerSocket::close() {
    for (UniqueFd* fd : {&connection_, &listener_}) {
        if (*fd)
            loop_.unwatch(fd->get());
        fd->reset();
    }
    ::unlink(path_.c_str());
}

} // namespace cedana::criu
