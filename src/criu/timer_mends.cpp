// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/image_fields.hpp"
#include "cedana/criu/image_file.hpp"
#include "cedana/criu/image_mends.hpp"

#include <sys/timerfd.h>

#include "changed_image.hpp"

namespace cedana::criu {

namespace {

// timerfd_show() (fs/timerfd.c) gives 0 as the time left of a timer that has run out, of one with an interval too: its
// next round begins when it is read. Set to 0 (timerfd_arm() in criu/pie/restorer.c), it never runs again. The ticks,
// which CRIU puts back, tell it from one that was not set.
//
// The time left is put back as such, so that only seconds are added for a timer that was set to a point of time: one
// that had run out, or was not set, would so run out again.
std::optional<std::string> with_timer_set(std::string_view timer) {
    const auto number = [&](TimerfdEntry field) { return number_in(fields_of<TimerfdEntry>(timer), field, 0); };
    const std::uint64_t flags = number(TimerfdEntry::settime_flags);
    const std::uint64_t seconds = number(TimerfdEntry::isec);
    const std::uint64_t nanoseconds = number(TimerfdEntry::insec);
    if (number(TimerfdEntry::vsec) != 0 || number(TimerfdEntry::vnsec) != 0)
        return std::nullopt;
    const bool runs = number(TimerfdEntry::ticks) != 0 && (seconds != 0 || nanoseconds != 0);
    if (!runs && (flags & TFD_TIMER_ABSTIME) == 0)
        return std::nullopt;
    return changed_message<TimerfdEntry>(timer, [&](protozero::pbf_message<TimerfdEntry> field, auto& out) {
        if (field.tag() == TimerfdEntry::vsec && runs)
            out.add_uint64(TimerfdEntry::vsec, seconds);
        else if (field.tag() == TimerfdEntry::vnsec && runs)
            out.add_uint64(TimerfdEntry::vnsec, nanoseconds);
        else if (field.tag() == TimerfdEntry::settime_flags)
            out.add_uint32(TimerfdEntry::settime_flags,
                           static_cast<std::uint32_t>(flags & ~std::uint64_t{TFD_TIMER_ABSTIME}));
        else
            return false;
        return true;
    });
}

// getitimer(2) of a process whose SIGALRM waits: itimer_get_remtime() (kernel/time/itimer.c) gives 0, and the next
// round begins when the signal is taken. setitimer(2) with 0 would forget the interval.
std::optional<std::string> with_itimer_set(std::string_view timer) {
    const auto number = [&](ItimerEntry field) { return number_in(fields_of<ItimerEntry>(timer), field, 0); };
    const std::uint64_t seconds = number(ItimerEntry::isec);
    const std::uint64_t microseconds = number(ItimerEntry::iusec);
    if (number(ItimerEntry::vsec) != 0 || number(ItimerEntry::vusec) != 0 || (seconds == 0 && microseconds == 0))
        return std::nullopt;
    return changed_message<ItimerEntry>(timer, [&](protozero::pbf_message<ItimerEntry> field, auto& out) {
        if (field.tag() == ItimerEntry::vsec)
            out.add_uint64(ItimerEntry::vsec, seconds);
        else if (field.tag() == ItimerEntry::vusec)
            out.add_uint64(ItimerEntry::vusec, microseconds);
        else
            return false;
        return true;
    });
}

} // namespace

MendedImage with_timers_set(std::string_view files) {
    return parse_image([&] {
        return changed_image(files, ImageKind::files,
                             [](auto file) { return changed_within(file, FileEntry::tfd, with_timer_set); });
    });
}

MendedImage with_interval_timer_set(std::string_view core) {
    return parse_image([&] {
        return changed_image(core, ImageKind::core, [](auto entry) {
            return changed_within(entry, CoreEntry::tc, [](auto task) {
                return changed_within(task, TaskCoreEntry::timers, [](auto timers) {
                    return changed_within(timers, TaskTimersEntry::real, with_itimer_set);
                });
            });
        });
    });
}

MendedImage with_time_namespace_of(std::string_view inventory, std::string_view ids) {
    return parse_image([&]() -> MendedImage {
        const std::string_view root = ImageReader(ids, ImageKind::ids).next();
        const std::uint64_t number = number_in(fields_of<TaskKobjIds>(root), TaskKobjIds::time_ns_id, 0);
        return changed_image(inventory, ImageKind::inventory, [&](auto entry) {
            return changed_within(entry, InventoryEntry::root_ids, [&](auto own) -> std::optional<std::string> {
                if (number_in(fields_of<TaskKobjIds>(own), TaskKobjIds::time_ns_id, 0) == number)
                    return std::nullopt;
                return changed_message<TaskKobjIds>(own, [&](const auto& field, auto& out) {
                    if (field.tag() != TaskKobjIds::time_ns_id)
                        return false;
                    out.add_uint32(TaskKobjIds::time_ns_id, static_cast<std::uint32_t>(number));
                    return true;
                });
            });
        });
    });
}

} // namespace cedana::criu
