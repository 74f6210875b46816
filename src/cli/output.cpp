// SPDX-License-Identifier: Apache-2.0
#include "cedana/cli/output.hpp"

#include "cedana/base/text.hpp"

#include <cerrno>
#include <cstdio>
#include <utility>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

#include <unistd.h>

namespace cedana {

namespace {

// Only the cause of an error may have several lines.
std::vector<std::string> cause_lines(const Error& error) {
    std::vector<std::string> lines;
    if (error.cause().empty())
        return lines;
    for (const std::string& line : split(error.cause(), '\n'))
        lines.push_back((lines.empty() ? "  cause: " : "         ") + printable(trim(line)));
    return lines;
}

// A line that the user may type stays whole: a shell would take two lines for two commands. The terminal breaks it
// where it ends.
std::string broken(const std::string& line, std::size_t indent, std::size_t width) {
    const std::string_view text = trim(line);
    const bool is_typed = text.starts_with("hint:") || text.starts_with("remedy:") || text.starts_with("for good:");
    return is_typed ? line : hanging(line, indent, width);
}

} // namespace

void print_line(std::string_view line) {
    const bool written = std::fwrite(line.data(), 1, line.size(), stdout) == line.size() &&
                         std::fputc('\n', stdout) != EOF && std::fflush(stdout) == 0;
    if (!written) {
        const int err = errno;
        if (err == EPIPE)
            throw ReaderGone{};
        throw os_error(err, "cannot write to standard output", Fault::storage);
    }
}

void print_result(std::string_view text) {
    const auto print_beside = [&](std::string_view why) {
        std::vector<std::string> lines;
        for (const std::string& line : split(text, '\n'))
            lines.push_back(printable(line));
        print_note(fmt::format("warning: {}; the result: {}", why, fmt::join(lines, "\n")));
    };
    try {
        print_line(text);
    } catch (const ReaderGone&) {
        print_beside("nobody reads standard output");
    } catch (const Error& error) {
        print_beside(printable(error.message()));
    }
}

void print_text(const std::string& line, std::size_t indent) {
    print_line(broken(line, indent, terminal_width(STDOUT_FILENO)));
}

nlohmann::ordered_json text_or_null(const std::string& text) {
    return text.empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(text);
}

std::string json_line(const nlohmann::ordered_json& json) {
    const std::string text = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    std::string out;
    // JSON escapes what is below a space; DEL and the C1 controls (U+0080 to U+009F) are left, which only stand in
    // texts.
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(at < text.size() ? text[at] : 0); };
        if (byte(i) == 0x7F)
            out += "\\u007f";
        else if (byte(i) == 0xC2 && byte(i + 1) < 0xA0)
            out += fmt::format("\\u{:04x}", byte(++i));
        else
            out += text[i];
    }
    return out;
}

void print_json(const nlohmann::ordered_json& json) { print_line(json_line(json)); }
void print_json_result(const nlohmann::ordered_json& json) { print_result(json_line(json)); }

nlohmann::ordered_json timings_json(const std::map<std::string, double>& seconds) {
    auto list = nlohmann::ordered_json::array();
    for (const auto& [phase, took] : seconds)
        list.push_back({{"phase", phase}, {"seconds", took}});
    return list;
}

std::string table_text(const Table& table) {
    return fmt::format("{}", fmt::join(table.lines(terminal_width(STDOUT_FILENO), paint_for(STDOUT_FILENO)), "\n"));
}

// At once: a store may have ten thousand lines.
void print_table(const Table& table) { print_line(table_text(table)); }

void print_note(std::string_view note) { std::fprintf(stderr, "%.*s\n", static_cast<int>(note.size()), note.data()); }

// Names of files and programs are in all of these texts, whatever they were made of.

std::string hint_of(const Error& error) {
    const bool would_help = error.fault() == Fault::permission && ::geteuid() != 0;
    return error.hint().empty() && would_help ? "run it with sudo" : error.hint();
}

std::vector<std::string> reason_lines(const Error& error) {
    std::vector<std::string> lines = {printable(error.message())};
    for (std::string& line : cause_lines(error))
        lines.push_back(std::move(line));
    if (const std::string hint = hint_of(error); !hint.empty())
        lines.push_back("  hint:  " + printable(hint));
    return lines;
}

void print_error(const Error& error) {
    std::fputs(error_text(error, terminal_width(STDERR_FILENO), paint_for(STDERR_FILENO)).c_str(), stderr);
}

std::string error_text(const Error& error, std::size_t width, Paint paint) {
    constexpr std::size_t k_label = 9;
    constexpr std::string_view k_error = "error";
    std::string text = hanging(fmt::format("{}: {}", k_error, printable(error.message())), k_label, width) + "\n";
    // Last, since the marks of a colour have no width.
    text.replace(0, k_error.size(), painted(k_error, Colour::red, paint));
    const auto add = [&](const std::string& line) { text += broken(line, k_label, width) + "\n"; };
    for (const std::string& activity : error.steps())
        add(fmt::format("  while: {}", printable(activity)));
    for (const std::string& line : cause_lines(error))
        add(line);
    if (const std::string hint = hint_of(error); !hint.empty())
        add(fmt::format("  hint:  {}", printable(hint)));
    if (!error.log().empty())
        add(fmt::format("  log:   {}", printable(error.log())));
    return text;
}

} // namespace cedana
