// SPDX-License-Identifier: Apache-2.0
#include "cedana/job/metrics.hpp"

#include <gtest/gtest.h>

namespace cedana::job {
namespace {

TEST(Metrics, TellTheStateAndTheLastCheckpoint) {
    const JobState state{.phase = Phase::running,
                         .epoch = 7,
                         .chain = {{.created = "1970-01-01T00:01:00Z", .bytes = 4711, .seconds = 0.5}},
                         .restarts_in_all = 2,
                         .checkpoints_in_all = 9,
                         .failed_checkpoints = 1,
                         .failed_restores = 3};
    const std::string text = metrics_text("train", state);
    for (const char* line : {"cedana_job_state{job=\"train\",state=\"running\"} 1\n",
                             "cedana_job_state{job=\"train\",state=\"failed\"} 0\n",
                             "cedana_checkpoint_last_success_timestamp_seconds{job=\"train\"} 60\n",
                             "cedana_checkpoint_size_bytes{job=\"train\"} 4711\n",
                             "cedana_checkpoints_total{job=\"train\",result=\"failure\"} 1\n",
                             "cedana_restores_total{job=\"train\",result=\"failure\"} 3\n",
                             "cedana_restarts_total{job=\"train\"} 2\n", "cedana_lease_epoch{job=\"train\"} 7\n"})
        EXPECT_NE(text.find(line), std::string::npos) << line << text;
    EXPECT_TRUE(text.ends_with("# EOF\n"));
}

TEST(Metrics, OfAJobWithoutCheckpointsLeaveTheirTimesOut) {
    EXPECT_EQ(metrics_text("train", {}).find("last_success"), std::string::npos);
}

TEST(Metrics, OfADumpNameItInAnyCharacters) {
    const MetricsTime time{std::chrono::seconds(60)};
    const std::string text = dump_text("a \"b\"\\\n", time, {.seconds = 0.5, .bytes = 4711});
    EXPECT_NE(text.find("cedana_checkpoint_last_success_timestamp_seconds{dump=\"a \\\"b\\\"\\\\\\\\x0a\"} 60\n"),
              std::string::npos)
        << text;
    EXPECT_EQ(text.find("frozen"), std::string::npos);
    EXPECT_NE(attempt_text("x", time).find("last_attempt_timestamp_seconds{dump=\"x\"} 60\n"), std::string::npos);
}

} // namespace
} // namespace cedana::job
