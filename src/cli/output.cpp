// SPDX-License-Identifier: Apache-2.0
#include "cedana/cli/output.hpp"

#include "cedana/base/text.hpp"

#include <cerrno>
#include <cstdio>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

#include <unistd.h>

namespace cedana {

void print_line(std::string_view line) {
    const bool written = std::fwrite(line.data(), 1, line.size(), stdout) == line.size() &&
                         std::fputc('\n', stdout) != EOF && std::fflush(stdout) == 0;
    if (!written) {
        const int err = errno;
        throw os_error(err, "cannot write to standard output", Fault::storage);
    }
}

void print_json(const nlohmann::ordered_json& json) {
    print_line(json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

void print_table(const Table& table) {
    for (const std::string& line : table.lines(terminal_width(STDOUT_FILENO), paint_for(STDOUT_FILENO)))
        print_line(line);
}

void print_note(std::string_view note) { std::fprintf(stderr, "%.*s\n", static_cast<int>(note.size()), note.data()); }

std::string error_text(const Error& error) {
    std::string text = fmt::format("error: {}\n", error.message());
    for (const std::string& activity : error.steps())
        text += fmt::format("  while: {}\n", activity);
    if (!error.cause().empty())
        text += fmt::format("  cause: {}\n", error.cause());
    if (!error.hint().empty())
        text += fmt::format("  hint:  {}\n", error.hint());
    if (!error.log().empty())
        text += fmt::format("  log:   {}\n", error.log());
    return text;
}

} // namespace cedana
