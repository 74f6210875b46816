// SPDX-License-Identifier: Apache-2.0
#include "cedana/containers/docker_api.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/unix_socket.hpp"

#include <cstdint>

#include <spdlog/fmt/fmt.h>

#include <sys/socket.h>
#include <sys/time.h>

namespace cedana::containers {

namespace {

// Of docker 20.10; later ones know it (Docker Engine API, version history).
constexpr const char* k_api_version = "v1.41";
constexpr std::size_t k_longest_docker_answer = 16UL * 1024 * 1024;
constexpr timeval k_answer_limit = {.tv_sec = 60, .tv_usec = 0};

} // namespace

HttpAnswer parse_http_answer(std::string_view text) {
    const std::size_t space = text.find(' ');
    const std::size_t end = text.find("\r\n\r\n");
    std::int64_t status = 0;
    if (!text.starts_with("HTTP/1.") || space == std::string_view::npos || end == std::string_view::npos ||
        !parse_number(text.substr(space + 1, 3), status))
        throw Error(Fault::environment, "docker's daemon has answered in a way that cannot be read");
    return {.status = static_cast<int>(status), .body = std::string(text.substr(end + 4))};
}

HttpAnswer DockerApi::post(std::string_view path, std::string_view body) const {
    const UniqueFd connection = connect_unix(socket_);
    ::setsockopt(connection.get(), SOL_SOCKET, SO_RCVTIMEO, &k_answer_limit, sizeof k_answer_limit);
    write_all(connection.get(),
              fmt::format("POST /{}{} HTTP/1.0\r\nHost: docker\r\nContent-Type: application/json\r\n"
                          "Content-Length: {}\r\n\r\n{}",
                          k_api_version, path, body.size(), body),
              socket_);
    return parse_http_answer(read_all(connection.get(), socket_.string(), k_longest_docker_answer));
}

} // namespace cedana::containers
