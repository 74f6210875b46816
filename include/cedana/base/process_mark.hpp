// SPDX-License-Identifier: Apache-2.0
// How a process is told in what it leaves behind, a folder's name or a lock file: its pid goes to another process
// once it has ended, its pid with its start time does not.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

namespace cedana {

struct ProcessMark {
    pid_t pid = 0;
    // In clock ticks after boot, field 22 of /proc/PID/stat (proc(5)); 0 if it is not known.
    std::uint64_t start_time = 0;
    friend bool operator==(const ProcessMark&, const ProcessMark&) = default;
};

// Of this process.
[[nodiscard]] ProcessMark own_mark();

// Of another one; absent if there is none.
[[nodiscard]] std::optional<ProcessMark> mark_of(pid_t pid);

// False once it has ended, whether or not its parent has collected it and whoever has its pid now. Without a start time
// whoever has the pid counts.
[[nodiscard]] bool is_at_work(const ProcessMark& mark);

// "4711 52819" with another separator perhaps; "4711" if the start time is not known.
[[nodiscard]] std::string to_text(const ProcessMark& mark, char separator);
// Of two words or, without a start time, one. Absent if they are no numbers.
[[nodiscard]] std::optional<ProcessMark> parse_mark(std::string_view pid, std::string_view start_time = {});

// The same for what processes of several pid namespaces find in one place (control groups): there a pid says nothing
// without its namespace.
struct NamespacedMark {
    ProcessMark process = {};
    // Its inode number (namespaces(7)); 0 if it is not known.
    std::uint64_t pid_namespace = 0;
    friend bool operator==(const NamespacedMark&, const NamespacedMark&) = default;
};

[[nodiscard]] NamespacedMark own_namespaced_mark();
// "4711.52819.4026531836". One of an older cedana, "4711.52819" or "4711", is taken for one of this namespace.
[[nodiscard]] std::string to_text(const NamespacedMark& mark);
[[nodiscard]] std::optional<NamespacedMark> parse_namespaced_mark(std::string_view text);

// elsewhere: in another pid namespace, and whether it is at work is not known.
enum class MarkedProcess { at_work, ended, elsewhere };
[[nodiscard]] MarkedProcess standing_of(const NamespacedMark& mark);

} // namespace cedana
