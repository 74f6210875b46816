// SPDX-License-Identifier: Apache-2.0
// CRIU's plug-ins: shared objects in one folder, by which it can dump what it does not know itself (GPUs above all).
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace cedana::criu {

using Folders = std::vector<std::filesystem::path>;

// Where CRIU looks for plug-ins: the folder that `arguments` for it name (-L, --libdir), else those that it is built
// with usually.
[[nodiscard]] Folders plugin_folders(const std::vector<std::string>& arguments);

// The plug-in for a device file, "cuda_plugin.so" or "amdgpu_plugin.so".
[[nodiscard]] std::string plugin_for(std::string_view device);

[[nodiscard]] bool has_plugin(const Folders& folders, const std::string& name);
[[nodiscard]] bool has_any_plugin(const Folders& folders);

// Whether this CRIU was built to dump BPF maps (with libbpf). True of what is no program that can be looked into.
[[nodiscard]] bool knows_bpf_maps(const std::filesystem::path& program);

} // namespace cedana::criu
