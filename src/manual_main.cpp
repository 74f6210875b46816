// SPDX-License-Identifier: Apache-2.0
// Writes a manual page to standard output, at build time: cedana_manual cedana.1
#include "cedana/cli/app.hpp"

#include <cstdio>
#include <string>

int main(int argc, char** argv) {
    const std::string page = argc == 2 ? cedana::manual_page(argv[1]) : std::string();
    return !page.empty() && std::fwrite(page.data(), 1, page.size(), stdout) == page.size() && std::fflush(stdout) == 0
               ? 0
               : 1;
}
