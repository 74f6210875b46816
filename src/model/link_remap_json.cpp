// SPDX-License-Identifier: Apache-2.0
#include "link_remap_json.hpp"

#include <string_view>

#include "manifest_json.hpp"

namespace cedana {

bool is_remap_name(const std::string& name) {
    constexpr std::string_view k_prefix = "link_remap.";
    return name.starts_with(k_prefix) && name.size() > k_prefix.size() &&
           name.find_first_not_of("0123456789", k_prefix.size()) == std::string::npos;
}

nlohmann::json link_remaps_to_json(const std::vector<LinkRemap>& remaps) {
    nlohmann::json list = nlohmann::json::array();
    for (const LinkRemap& remap : remaps) {
        nlohmann::json lost;
        nlohmann::json link;
        put_path(lost, remap.lost);
        put_path(link, remap.link);
        list.push_back({{"lost", lost}, {"link", link}});
    }
    return list;
}

std::vector<LinkRemap> link_remaps_from_json(const nlohmann::json& json) {
    std::vector<LinkRemap> remaps;
    for (const auto& one : list_of(json)) {
        LinkRemap remap{.lost = path_of(one.at("lost")), .link = path_of(one.at("link"))};
        // What is linked and unlinked as root is never anything else.
        if (!is_remap_name(remap.link.substr(remap.link.rfind('/') + 1)))
            refuse_manifest("a name of criu's for a file is none");
        remaps.push_back(remap);
    }
    return remaps;
}

} // namespace cedana
