// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/diagnose.hpp"

#include <gtest/gtest.h>

namespace cedana::criu {
namespace {

constexpr const char* k_noise_first =
    "(00.000123) Error (criu/util.c:1534): rlimit: Can't setup RLIMIT_NOFILE for self: Operation not permitted\n";
constexpr const char* k_noise_last = "(00.093434) Error (criu/cr-dump.c:2128): Dumping FAILED.\n";

std::string log_with(const std::string& line) {
    return k_noise_first + std::string("(00.05) Some information\n(00.06) Error (criu/x.c:1): ") + line + "\n" +
           k_noise_last;
}

struct LogCase {
    std::string line;
    std::string in_cause;
    std::string in_hint;
};
class KnownFailure : public ::testing::TestWithParam<LogCase> {};
TEST_P(KnownFailure, HasACauseThatQuotesCriu) {
    const Diagnosis diagnosis = diagnose(log_with(GetParam().line));
    EXPECT_NE(diagnosis.cause.find(GetParam().in_cause), std::string::npos) << diagnosis.cause;
    EXPECT_NE(diagnosis.cause.find(GetParam().line), std::string::npos) << diagnosis.cause;
}
TEST_P(KnownFailure, HasARemedy) {
    const Diagnosis diagnosis = diagnose(log_with(GetParam().line));
    EXPECT_NE(diagnosis.hint.find(GetParam().in_hint), std::string::npos) << diagnosis.hint;
}
INSTANTIATE_TEST_SUITE_P(
    Logs, KnownFailure,
    ::testing::Values(LogCase{"The root process 4242 is not a session leader. Consider using --shell-job option",
                              "started from a shell", "--shell-job"},
                      LogCase{"Can't fork for 4242: File exists", "is taken", "reaped"},
                      LogCase{"File tmp/count.log has bad size 5 (expect 4)", "another size", "size"},
                      LogCase{"inet: Connected TCP socket, consider using --tcp-established option.", "TCP connection",
                              "--tcp-established"},
                      LogCase{"unix: External socket is used. Consider using --ext-unix-sk option.",
                              "outside of the tree", "--ext-unix-sk"},
                      LogCase{"Some file locks are hold by dumping tasks! You can try --file-locks to dump them.",
                              "file locks", "--file-locks"},
                      LogCase{"Can't dump ghost file /tmp/x of 5000000 size, increase limit", "deleted file",
                              "--ghost-limit"},
                      LogCase{"Unknown shit 600 (anon_inode:[io_uring])", "io_uring", "UV_USE_IO_URING"},
                      LogCase{"Can't get rlimit 0: Operation not permitted", "another user", "CAP_SYS_RESOURCE"},
                      LogCase{"sockets: Can't get 1:16 opt: Operation not supported", "too old", "install-criu"}));

TEST(Diagnosis, OfAnUnknownFailureQuotesTheFirstTellingLines) {
    const Diagnosis diagnosis = diagnose(log_with("A thing that nobody has seen"));
    EXPECT_EQ(diagnosis.cause, "criu: \"A thing that nobody has seen\"");
    EXPECT_EQ(diagnosis.hint, "");
}

TEST(Diagnosis, OfNoiseAloneIsEmpty) { EXPECT_EQ(diagnose(std::string(k_noise_first) + k_noise_last).cause, ""); }

TEST(Diagnosis, EscapesWhatSteersATerminal) {
    EXPECT_EQ(diagnose(log_with("bad \x1b[31m name")).cause, "criu: \"bad \\x1b[31m name\"");
}

TEST(TellingLines, KeepTheirOrderWithoutPrefixes) {
    const auto lines =
        telling_lines("(00.1)   42: Error (criu/a.c:1): one\n(00.2) Warn (x): no\n(00.3) Error (criu/b.c:2): two\n");
    EXPECT_EQ(lines, (std::vector<std::string>{"one", "two"}));
}

} // namespace
} // namespace cedana::criu
