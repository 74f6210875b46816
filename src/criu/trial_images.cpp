// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/trial_images.hpp"

#include "cedana/criu/image_fields.hpp"
#include "cedana/criu/image_file.hpp"

#include <cstdint>

namespace cedana::criu {

namespace {

constexpr const char* k_threads = "core-";
constexpr const char* k_memory = "mm-";

// In the kernel's half of the addresses of x86-64 and of arm64, where no program has anything mapped. Not at its very
// begin: whoever begins a system call anew goes back by its length.
constexpr std::uint64_t k_nowhere = 0xffff800000001000;
// Of a 32-bit program on x86-64: above IA32_PAGE_OFFSET (arch/x86/include/asm/page_64_types.h).
constexpr std::uint64_t k_nowhere_32 = 0xfffff000;
constexpr std::uint64_t k_all_signals = ~std::uint64_t{0};
// core-x86.proto, user_x86_regs_mode.
constexpr std::uint64_t k_compat = 2;

template <typename Field>
std::string with_number(std::string_view message, Field field, std::uint64_t value) {
    std::string changed = changed_message<Field>(
        message, [&](const protozero::pbf_message<Field>& one, auto& /*out*/) { return one.tag() == field; });
    protozero::pbf_builder<Field>(changed).add_uint64(field, value);
    return changed;
}

// With what `change` makes of one message in it.
template <typename Outer, typename Change>
bool replace(protozero::pbf_message<Outer>& field, protozero::pbf_builder<Outer>& out, Change&& change) {
    const auto tag = field.tag();
    out.add_message(tag, change(bytes_of(field)));
    return true;
}

std::string x86_nowhere(std::string_view info) {
    return changed_message<ThreadInfoX86>(info, [](auto& field, auto& out) {
        if (field.tag() != ThreadInfoX86::gpregs)
            return false;
        return replace(field, out, [](std::string_view registers) {
            const bool compat =
                number_in(fields_of<UserX86RegsEntry>(registers), UserX86RegsEntry::mode, 0) == k_compat;
            return with_number(registers, UserX86RegsEntry::ip, compat ? k_nowhere_32 : k_nowhere);
        });
    });
}

std::string aarch64_nowhere(std::string_view info) {
    return changed_message<ThreadInfoAarch64>(info, [](auto& field, auto& out) {
        if (field.tag() != ThreadInfoAarch64::gpregs)
            return false;
        return replace(field, out, [](std::string_view registers) {
            return with_number(registers, UserAarch64RegsEntry::pc, k_nowhere);
        });
    });
}

// The first thread's mask is that of the task's part, the others' that of the thread's (criu/cr-restore.c,
// sigreturn_restore()).
bool change_core(protozero::pbf_message<CoreEntry>& field, protozero::pbf_builder<CoreEntry>& out, bool& found) {
    switch (field.tag()) {
    case CoreEntry::thread_info:
        found = true;
        return replace(field, out, x86_nowhere);
    case CoreEntry::ti_aarch64:
        found = true;
        return replace(field, out, aarch64_nowhere);
    case CoreEntry::tc:
        return replace(field, out, [](std::string_view task) {
            return with_number(task, TaskCoreEntry::blk_sigset, k_all_signals);
        });
    case CoreEntry::thread_core:
        return replace(field, out, [](std::string_view thread) {
            return with_number(thread, ThreadCoreEntry::blk_sigset, k_all_signals);
        });
    default:
        return false;
    }
}

// One that has ended already has no registers: its parent has not collected it yet (compel's task_state.h).
bool has_ended(std::string_view core) {
    constexpr std::uint64_t k_alive = 1;
    constexpr std::uint64_t k_stopped = 3;
    const std::string_view task = bytes_in(fields_of<CoreEntry>(core), CoreEntry::tc);
    const std::uint64_t state = number_in(fields_of<TaskCoreEntry>(task), TaskCoreEntry::task_state, k_alive);
    return state != k_alive && state != k_stopped;
}

} // namespace

std::string without_way_on(std::string_view core) {
    return parse_image([&] {
        const std::string_view message = ImageReader(core, ImageKind::core).next();
        bool found = false;
        ImageWriter changed(ImageKind::core);
        changed.add(changed_message<CoreEntry>(message,
                                               [&](auto& field, auto& out) { return change_core(field, out, found); }));
        if (!found && !has_ended(message))
            throw Error(Fault::environment, "the registers of this processor are not known");
        return std::move(changed).bytes();
    });
}

std::string without_core_dump(std::string_view mm) {
    return parse_image([&] {
        ImageWriter changed(ImageKind::mm);
        changed.add(with_number(ImageReader(mm, ImageKind::mm).next(), MmEntry::dumpable, 0));
        return std::move(changed).bytes();
    });
}

std::optional<std::string> TrialImages::companion_of(const std::string& name) const {
    return name.starts_with(k_threads) || name.starts_with(k_memory) ? std::optional<std::string>("") : std::nullopt;
}

void TrialImages::change(const std::string& name, std::string& image, const std::string* /*companion*/) {
    image = name.starts_with(k_threads) ? without_way_on(image) : without_core_dump(image);
}

} // namespace cedana::criu
