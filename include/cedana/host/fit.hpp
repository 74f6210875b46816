// SPDX-License-Identifier: Apache-2.0
// Whether this host has what a checkpoint needs, looked at before anything is started: CRIU would stop at the first
// thing that is missing, after much work, and name it alone.
#pragma once

#include "cedana/checkpoint/restore_needs.hpp"
#include "cedana/model/manifest.hpp"

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace cedana {

// What a restore may raise it to: fs.nr_open with CAP_SYS_RESOURCE, else the hard limit (criu/util.c,
// rlimit_unlimit_nofile).
[[nodiscard]] std::uint64_t highest_descriptor_limit();

// CPU flags (/proc/cpuinfo) of instructions that the programs may have chosen when they started, and that the CPU of
// `host` lacks; none where that is another kind of machine, which is a misfit.
[[nodiscard]] std::vector<std::string> missing_instructions(const Manifest& manifest, const ManifestHost& host);

// Throws Error(Fault::environment) with them; with `any_cpu` that is a warning.
void require_instructions(const Manifest& manifest, const ManifestHost& host, bool any_cpu);

// One sentence for each difference that matters, without end: missing or changed files, another machine. Empty if
// there is none. `host`: this one.
[[nodiscard]] std::vector<std::string> misfits(const Manifest& manifest, const ManifestHost& host);

// Of every host: all of 127.0.0.0/8, and ::1.
[[nodiscard]] bool is_loopback(std::string_view address);

// "10.0.0.1:80 to 10.0.0.2:4242": connections whose local address is none of `addresses`.
[[nodiscard]] std::vector<std::string> homeless_connections(const Manifest& manifest,
                                                            const std::set<std::string>& addresses);

// Throws Error(Fault::environment) with the addresses that are missing. `criu_arguments`: with --tcp-close connections
// come back closed, and need none.
void require_addresses(const Manifest& manifest, const std::vector<std::string>& criu_arguments);

// Throws Error(Fault::environment) if the images hold more than what is `available` here, if that is known: a restore
// would push out the memory of everybody else before it failed. `more`: what a restore fills beside them.
void require_memory(const Manifest& manifest, std::uint64_t more, std::optional<std::uint64_t> available);

// Throws Error(Fault::environment) if a restore of so many processes needs more descriptors than `limit`.
void require_descriptors(const Manifest& manifest, std::uint64_t limit);

// Throws Error(Fault::environment) if a process of the tree had a descriptor whose number is not below the `limit` for
// a process of this host.
void require_descriptor_numbers(const RestoreNeeds& needs, const std::string& name,
                                std::uint64_t limit = highest_descriptor_limit());

// Throws Error(Fault::environment) if CRIU needs more descriptors than `limit` to restore one of its processes.
void require_descriptor_room(const RestoreNeeds& needs, const std::string& name,
                             std::uint64_t limit = highest_descriptor_limit());

// Throws Error(Fault::environment) with all misfits.
void require_fit(const Manifest& manifest, const ManifestHost& host);

} // namespace cedana
