// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/file_events.hpp"

#include <cstring>

#include <linux/fanotify.h>

namespace cedana {

namespace {

template <typename Part>
bool read_part(std::span<const std::byte> bytes, Part& part) {
    if (bytes.size() < sizeof part)
        return false;
    std::memcpy(&part, bytes.data(), sizeof part);
    return true;
}

// FAN_NOPIDFD and FAN_EPIDFD are negative.
UniqueFd take_pidfd(std::span<const std::byte> records) {
    UniqueFd pidfd;
    fanotify_event_info_header header{};
    while (read_part(records, header) && header.len >= sizeof header && header.len <= records.size()) {
        fanotify_event_info_pidfd record{};
        if (header.info_type == FAN_EVENT_INFO_TYPE_PIDFD && read_part(records.first(header.len), record))
            pidfd.reset(record.pidfd);
        records = records.subspan(header.len);
    }
    return pidfd;
}

} // namespace

std::vector<FileEvent> take_file_events(std::span<const std::byte> bytes) {
    std::vector<FileEvent> events;
    fanotify_event_metadata data{};
    while (read_part(bytes, data) && data.vers == FANOTIFY_METADATA_VERSION && data.metadata_len >= sizeof data &&
           data.event_len >= data.metadata_len && data.event_len <= bytes.size()) {
        FileEvent event{.overflow = (data.mask & FAN_Q_OVERFLOW) != 0, .pid = data.pid, .file = UniqueFd(data.fd)};
        event.process = take_pidfd(bytes.first(data.event_len).subspan(data.metadata_len));
        events.push_back(std::move(event));
        bytes = bytes.subspan(data.event_len);
    }
    return events;
}

} // namespace cedana
