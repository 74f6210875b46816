// SPDX-License-Identifier: Apache-2.0
#include "cedana/cli/app.hpp"

int main(int argc, char** argv) { return cedana::run_command_line(argc, argv); }
