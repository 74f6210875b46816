// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/console.hpp"

#include "cedana/criu/image_fields.hpp"
#include "cedana/criu/image_file.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include <linux/major.h>
#include <sys/sysmacros.h>

namespace cedana::criu {

namespace {

struct ConsoleEnd {
    std::uint64_t number = 0;
    std::uint64_t device = 0;
    std::uint64_t file_system = 0;
    std::uint64_t session = 0;
    bool is_master = false;
    bool is_slave = false;
};

ConsoleEnd parse_end(std::string_view message) {
    constexpr unsigned k_ptmx_minor = 2;
    const auto entry = fields_of<TtyInfoEntry>(message);
    ConsoleEnd end{.number =
                       number_in(fields_of<TtyPtyEntry>(bytes_in(entry, TtyInfoEntry::pty)), TtyPtyEntry::index, 0),
                   .device = number_in(entry, TtyInfoEntry::rdev, 0),
                   .file_system = number_in(entry, TtyInfoEntry::dev, 0),
                   .session = number_in(entry, TtyInfoEntry::sid, 0)};
    end.is_master = end.device == ::makedev(TTYAUX_MAJOR, k_ptmx_minor);
    end.is_slave = ::major(end.device) == UNIX98_PTY_SLAVE_MAJOR;
    return end;
}

} // namespace

std::optional<std::string> find_console(std::string_view terminals) {
    return parse_image([&]() -> std::optional<std::string> {
        std::vector<ConsoleEnd> ends;
        for (ImageReader messages(terminals, ImageKind::terminals); !messages.at_end();)
            ends.push_back(parse_end(messages.next()));
        const auto is_from_outside = [&](const ConsoleEnd& slave) {
            return slave.is_slave && std::ranges::none_of(ends, [&](const ConsoleEnd& end) {
                       return end.is_master && end.number == slave.number;
                   });
        };
        const ConsoleEnd* console = nullptr;
        for (const ConsoleEnd& end : ends)
            if (is_from_outside(end) && (console == nullptr || (console->session == 0 && end.session != 0)))
                console = &end;
        if (console == nullptr)
            return std::nullopt;
        return fmt::format("tty[{:x}:{:x}]", console->device, console->file_system);
    });
}

} // namespace cedana::criu
