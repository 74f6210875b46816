// SPDX-License-Identifier: Apache-2.0
#include "cedana/cli/inspection.hpp"
#include "cedana/cli/page_template.hpp"

#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include "support/synthetic_checkpoint.hpp"

namespace cedana {
namespace {

constexpr std::string_view k_parts = "<!-- part: one -->\n<b>{{a}}</b>{{{b}}}\n<!-- part: two -->\n{{a}}\n";

TEST(PageTemplate, EscapesTextAndLeavesHtml) {
    EXPECT_EQ(filled(k_parts, "one", {{"a", "<&\">\x1b"}, {"b", "<i>"}}), "<b>&lt;&amp;&quot;&gt;\\x1b</b><i>\n");
    EXPECT_EQ(filled(k_parts, "two", {{"a", "{{b}}"}}), "{{b}}\n");
}

TEST(PageTemplate, HasNoPlaceThatStaysEmpty) {
    EXPECT_THROW(static_cast<void>(filled(k_parts, "three", {})), std::logic_error);
    EXPECT_THROW(static_cast<void>(filled(k_parts, "one", {{"a", "x"}})), std::logic_error);
}

// Whatever the names in a checkpoint are.
TEST(Page, EscapesEveryTextOfACheckpoint) {
    const std::string evil = "\"><script>\x1b";
    Manifest manifest = testing::plausible_manifest(evil, 42, evil);
    manifest.host.name = manifest.host.kernel = manifest.host.cpu_model = evil;
    manifest.criu_options.extra = {evil};
    manifest.tree.front().comm = evil;
    manifest.tree.front().command_line = {evil};
    manifest.timings = {{"dumping", 1.0}, {evil, 2.0}};
    manifest.files = {{.path = evil, .size = 1}};
    manifest.required_files = {{.path = evil}};
    manifest.facts =
        RecordedFacts{.processes = {{.pid = 42, .descriptors = {{.fd = 3, .target = evil, .locks = {evil}}}}},
                      .sockets = {{.kind = evil, .state = evil, .local = evil, .remote = evil}}};
    const std::string page =
        html_page({.path = "/" + evil + "/" + evil, .manifest = manifest, .images = {{.name = evil, .bytes = 1}}});
    EXPECT_EQ(page.find("<script"), std::string::npos);
    EXPECT_EQ(page.find('\x1b'), std::string::npos);
    EXPECT_EQ(page.find("{{"), std::string::npos);
    EXPECT_NE(page.find("&lt;script&gt;"), std::string::npos);
    EXPECT_TRUE(page.ends_with("</body>\n</html>\n"));
}

} // namespace
} // namespace cedana
