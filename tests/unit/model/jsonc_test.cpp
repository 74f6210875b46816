// SPDX-License-Identifier: Apache-2.0
#include "cedana/model/jsonc.hpp"

#include "unit/model/config_fixture.hpp"

namespace cedana::testing {

namespace {

std::string listed(std::string_view text) {
    std::string result;
    for (const JsoncEntry& entry : parse_jsonc(text, "file"))
        result += std::to_string(entry.line) + " " + entry.key + " " + entry.value.dump() + "\n";
    return result;
}

struct Good {
    std::string name;
    std::string text;
    std::string entries;
};

struct Bad {
    std::string name;
    std::string text;
    std::string where;
    std::string why;
};

template <typename Case>
std::string name_of_case(const ::testing::TestParamInfo<Case>& info) {
    return info.param.name;
}

class JsoncAccepts : public ::testing::TestWithParam<Good> {};
class JsoncRefuses : public ::testing::TestWithParam<Bad> {};

TEST_P(JsoncAccepts, AndKnowsTheLines) { EXPECT_EQ(listed(GetParam().text), GetParam().entries); }

INSTANTIATE_TEST_SUITE_P(
    Texts, JsoncAccepts,
    ::testing::Values(
        Good{"NoText", "", ""}, Good{"OnlyComments", "// a\n/* b\n */", ""}, Good{"NoMembers", "{}", ""},
        Good{"Members", "{\n\"a\": {\n\"b\": 1,\n\"c\": \"x\"\n},\n\"d\": true\n}",
             "2 a {}\n3 a.b 1\n4 a.c \"x\"\n6 d true\n"},
        Good{"NumberBeforeTheEndOfItsLine", "{\"a\":\n1\n}", "2 a 1\n"},
        Good{"ValueBelowItsKey", "{\"a\":\n\n\"x\"}", "3 a \"x\"\n"},
        Good{"Array", "{\"a\": [\n\"x\",\n\"y\"\n],\n\"b\": 1}", "1 a [\"x\",\"y\"]\n5 b 1\n"},
        Good{"NestedArray", "{\"a\": [1, [2, {\"x\": 3}], {\"y\": 4}, 5], \"b\": 6}", "1 a [1,[],{},5]\n1 b 6\n"},
        Good{"RepeatedKeys", "{\"a\": 1,\n\"a\": 2}", "1 a 1\n2 a 2\n"},
        Good{"LineComment", "{ // \"a\": 1,\n\"b\": 2 // }\n}", "2 b 2\n"},
        Good{"BlockComment", "{ /* \"a\": 1,\n * // */ \"b\": /**/ 2 }", "2 b 2\n"},
        Good{"TrailingCommas", "{\"a\": [1, 2,],\n\"b\": {\"c\": 3,},\n}", "1 a [1,2]\n2 b {}\n2 b.c 3\n"},
        Good{"TrailingCommaBeforeAComment", "{\"a\": 1, // last\n/* one */\n}", "1 a 1\n"},
        Good{"MarksInsideStrings", R"({"a": "//x /* y */ ,} ,]", "b": "\"//", "c": "\\"})",
             "1 a \"//x /* y */ ,} ,]\"\n1 b \"\\\"//\"\n1 c \"\\\\\"\n"},
        Good{"CarriageReturns", "{\r\n// c\r\n\"a\": 1\r\n}\r\n", "3 a 1\n"},
        Good{"ByteOrderMark", "\xEF\xBB\xBF{\n\"a\": 1}", "2 a 1\n"}, Good{"KeyWithADot", "{\"a.b\": 1}", "1 a.b 1\n"}),
    name_of_case<Good>);

TEST_P(JsoncRefuses, NamingTheLine) {
    const Error error = error_of([] { listed(GetParam().text); });

    EXPECT_EQ(error.fault(), Fault::usage);
    EXPECT_TRUE(error.message().starts_with(GetParam().where + ": not valid JSON: ")) << error.message();
    EXPECT_NE(error.message().find(GetParam().why), std::string::npos) << error.message();
    EXPECT_NE(error.hint(), "");
}

INSTANTIATE_TEST_SUITE_P(
    Texts, JsoncRefuses,
    ::testing::Values(Bad{"MissingComma", "{\n\"a\": 1\n\"b\": 2\n}", "file:3", "unexpected string literal"},
                      Bad{"MissingEnd", "{\n\"a\": 1\n\n", "file:3", "unexpected end of input"},
                      Bad{"MissingQuote", "{\n\"a\": \"x,\n\"b\": 1\n}", "file:2", "invalid string"},
                      Bad{"TwoTrailingCommas", "{\n\"a\": [1,,]\n}", "file:2", "unexpected"},
                      Bad{"LoneCommaInAnArray", "{\"a\": [,]}", "file:1", "unexpected ','"},
                      Bad{"LoneCommaInAnObject", "{\n,}", "file:2", "unexpected ','"},
                      Bad{"CommaInPlaceOfAValue", "{\"a\":,}", "file:1", "unexpected ','"},
                      Bad{"OpenComment", "{\n\n/* \"a\": 1\n}\n", "file:3", "a comment has no end"},
                      Bad{"LoneSlash", "{\n/ }", "file:2", "invalid literal"},
                      Bad{"NoObject", "\n[1]", "file:2", "expected an object"},
                      Bad{"SomethingAfterTheEnd", "{}\n{}", "file:2", "expected end of input"},
                      Bad{"NulByte", std::string("{}\n\0{", 5), "file:2", "NUL"},
                      Bad{"InvalidUtf8", "{\"a\": \"\xFF\"}", "file:1", "UTF-8"},
                      Bad{"HugeNumber", "{\n\"a\": 1e999}", "file:2", "number overflow"},
                      Bad{"TooDeep", std::string(200000, '['), "file:1", "expected an object"},
                      Bad{"TooDeepBelowAKey", "{\"a\":" + std::string(200000, '['), "file:1", "nested more than"},
                      Bad{"LongName", "{\"" + std::string(1000, 'a') + "\": 1}", "file:1", "a name is longer"}),
    name_of_case<Bad>);

TEST(BlankComments, LeavesEveryOtherByteInItsPlace) {
    EXPECT_EQ(blank_comments("{ /* x\n */ \"a//\": [1,], // y\n}", "file"), "{     \n    \"a//\": [1 ]      \n}");
}

TEST(ParseJsonc, CannotSteerTheTerminalThroughItsErrors) {
    const Error error = error_of([] { listed("{\"a\": \"\x1B[2J\"}"); });

    EXPECT_EQ(error.message().find('\x1B'), std::string::npos);
}

TEST(ParseJsonc, ReadsAMillionLinesAtOnce) {
    EXPECT_EQ(listed("{" + std::string(1000000, '\n') + "\"a\": 1}"), "1000001 a 1\n");
}

} // namespace

} // namespace cedana::testing
