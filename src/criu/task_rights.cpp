// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/task_rights.hpp"

#include "cedana/criu/image_fields.hpp"
#include "cedana/criu/image_file.hpp"

#include <array>
#include <cstddef>
#include <utility>

namespace cedana::criu {

namespace {

constexpr std::uint64_t k_filter_mode = 2;
// TASK_DEAD and TASK_ZOMBIE (compel/include/uapi/task-state.h).
constexpr std::uint64_t k_dead = 2;
constexpr std::uint64_t k_zombie = 6;

constexpr std::array<std::pair<const char*, TaskKobjIds>, 8> k_namespaces = {{{"pid", TaskKobjIds::pid_ns_id},
                                                                              {"net", TaskKobjIds::net_ns_id},
                                                                              {"ipc", TaskKobjIds::ipc_ns_id},
                                                                              {"uts", TaskKobjIds::uts_ns_id},
                                                                              {"mnt", TaskKobjIds::mnt_ns_id},
                                                                              {"user", TaskKobjIds::user_ns_id},
                                                                              {"cgroup", TaskKobjIds::cgroup_ns_id},
                                                                              {"time", TaskKobjIds::time_ns_id}}};

// Repeated numbers may come one a field, or all in one.
template <typename Use>
void for_each_number(protozero::pbf_reader& field, Use&& use) {
    if (field.wire_type() != protozero::pbf_wire_type::length_delimited)
        return use(number_of(field));
    for (const std::uint32_t one : field.get_packed_uint32())
        use(static_cast<std::uint64_t>(one));
}

class RightsReading {
  public:
    TaskRights run(std::string_view image) {
        ImageReader messages(image, ImageKind::core);
        while (!messages.at_end())
            read_core(messages.next());
        rights_.has_no_new_privileges = counts_[no_new_privs].all();
        rights_.has_ended = counts_[ended].all();
        rights_.has_seccomp_filter = counts_[seccomp].all();
        return std::move(rights_);
    }

  private:
    enum Flag : std::size_t { no_new_privs, seccomp, ended };
    struct Count {
        std::size_t seen = 0;
        std::size_t set = 0;
        void add(bool is_set) {
            ++seen;
            set += is_set ? 1 : 0;
        }
        [[nodiscard]] bool all() const { return seen != 0 && set == seen; }
    };

    void read_core(std::string_view message) {
        for (auto field = fields_of<CoreEntry>(message); field.next();)
            switch (field.tag()) {
            case CoreEntry::tc:
                read_task(bytes_of(field));
                break;
            case CoreEntry::thread_core:
                read_thread(bytes_of(field));
                break;
            default:
                field.skip();
            }
    }

    void read_task(std::string_view message) {
        for (auto field = fields_of<TaskCoreEntry>(message); field.next();)
            if (field.tag() == TaskCoreEntry::comm) {
                rights_.comm = bytes_of(field);
            } else if (field.tag() == TaskCoreEntry::task_state) {
                const std::uint64_t state = number_of(field);
                counts_[ended].add(state == k_dead || state == k_zombie);
            } else {
                field.skip();
            }
    }

    void read_thread(std::string_view message) {
        for (auto field = fields_of<ThreadCoreEntry>(message); field.next();)
            switch (field.tag()) {
            case ThreadCoreEntry::creds:
                read_creds(bytes_of(field));
                break;
            case ThreadCoreEntry::seccomp_mode:
                counts_[seccomp].add(number_of(field) == k_filter_mode);
                break;
            case ThreadCoreEntry::comm:
                rights_.comm = bytes_of(field);
                break;
            default:
                field.skip();
            }
    }

    void read_creds(std::string_view message) {
        // How many numbers of each set have come: two make one.
        std::map<CredsEntry, unsigned> words;
        for (auto field = fields_of<CredsEntry>(message); field.next();)
            switch (field.tag()) {
            case CredsEntry::uid:
            case CredsEntry::euid:
            case CredsEntry::suid:
            case CredsEntry::fsuid:
                rights_.users.insert(number_of(field));
                break;
            case CredsEntry::gid:
            case CredsEntry::egid:
            case CredsEntry::sgid:
            case CredsEntry::fsgid:
                rights_.groups.insert(number_of(field));
                break;
            case CredsEntry::groups:
                for_each_number(field, [this](std::uint64_t group) { rights_.more_groups.insert(group); });
                break;
            case CredsEntry::cap_inh:
            case CredsEntry::cap_prm:
            case CredsEntry::cap_eff:
            case CredsEntry::cap_bnd:
            case CredsEntry::cap_amb: {
                unsigned& word = words[field.tag()];
                for_each_number(field, [&](std::uint64_t bits) {
                    rights_.capabilities |= (bits & 0xffffffffU) << (32 * (word++ % 2));
                });
                break;
            }
            case CredsEntry::lsm_profile:
                rights_.labels.emplace(bytes_of(field));
                break;
            case CredsEntry::no_new_privs:
                counts_[no_new_privs].add(number_of(field) == 1);
                break;
            default:
                field.skip();
            }
    }

    TaskRights rights_;
    std::array<Count, 3> counts_;
};

NamespaceNumbers namespaces_in(std::string_view message) {
    NamespaceNumbers numbers;
    for (const auto& [kind, field] : k_namespaces)
        numbers[kind] = number_in(fields_of<TaskKobjIds>(message), field, 0);
    return numbers;
}

} // namespace

TaskRights parse_task_rights(std::string_view image) {
    return parse_image([&] { return RightsReading().run(image); });
}

NamespaceNumbers parse_namespaces(std::string_view image) {
    return parse_image([&] { return namespaces_in(ImageReader(image, ImageKind::ids).next()); });
}

NamespaceNumbers parse_host_namespaces(std::string_view image) {
    return parse_image([&] {
        const std::string_view inventory = ImageReader(image, ImageKind::inventory).next();
        return namespaces_in(bytes_in(fields_of<InventoryEntry>(inventory), InventoryEntry::root_ids));
    });
}

} // namespace cedana::criu
