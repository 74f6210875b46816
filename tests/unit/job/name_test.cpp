// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/job/name.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace cedana::job {
namespace {

TEST(JobName, IsMadeOfLettersDigitsDotsUnderscoresAndDashes) {
    for (const char* name : {"train", "4711", "_x", "Train.py-3fa91c"})
        EXPECT_TRUE(is_job_name(name)) << name;
}

TEST(JobName, LeadsNowhere) {
    for (const std::string& name :
         {std::string(), std::string("."), std::string(".hidden"), std::string("-d"), std::string("a/b"),
          std::string("a b"), std::string("a\n"), std::string("ä"), std::string(65, 'a')})
        EXPECT_FALSE(is_job_name(name)) << name;
}

TEST(JobName, ThatIsNoneIsRefused) { EXPECT_THROW(require_job_name("../etc"), Error); }

TEST(JobName, IsByDefaultThatOfTheScriptWithADigestOfAllArguments) {
    const std::vector<std::string> argv = {"/usr/bin/python3", "/srv/train.py", "--epochs", "3"};
    const std::string name = default_job_name(argv);
    EXPECT_TRUE(name.starts_with("train.py-")) << name;
    EXPECT_EQ(name.size(), std::string("train.py-").size() + 6);
    EXPECT_EQ(default_job_name(argv), name);
    EXPECT_NE(default_job_name(std::vector<std::string>{"/usr/bin/python3", "/srv/train.py", "--epochs", "4"}), name);
}

TEST(JobName, IsOneByDefaultWhateverIsRun) {
    for (const std::string& program :
         {std::string("/"), std::string("-x"), std::string(".a b"), std::string(300, 'x'), std::string("/opt/ä")})
        EXPECT_TRUE(is_job_name(default_job_name(std::vector<std::string>{program}))) << program;
}

} // namespace
} // namespace cedana::job
