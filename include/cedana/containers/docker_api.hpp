// SPDX-License-Identifier: Apache-2.0
// docker's daemon, asked as its own command asks it: HTTP over its socket. For what that command has no words for: a
// container out of all that docker has said of one.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace cedana::containers {

struct HttpAnswer {
    int status = 0;
    std::string body;
};
// Of HTTP/1.0, whose body goes to the end. Pure. Throws Error(Fault::environment) for what is no answer.
[[nodiscard]] HttpAnswer parse_http_answer(std::string_view text);

class DockerApi {
  public:
    explicit DockerApi(std::filesystem::path socket) : socket_(std::move(socket)) {}

    // `body`: JSON. Throws Error(Fault::environment) where nobody listens or answers.
    [[nodiscard]] HttpAnswer post(std::string_view path, std::string_view body) const;

  private:
    std::filesystem::path socket_;
};

} // namespace cedana::containers
