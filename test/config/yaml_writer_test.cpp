#include "proxy/config/yaml_writer.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "proxy/config/yaml.hpp"

namespace bascule::config {
namespace {

// The text of `a` in a map that stands on one line, or on several.
std::string read_back(const std::string& yaml) {
  const auto document = parse_yaml(yaml);
  if (!document) {
    return fmt::format("{}:{}: {}", document.error().line, document.error().column, document.error().text);
  }
  const YamlNode* node = document->root;
  while (node->kind == YamlNode::Kind::map || node->kind == YamlNode::Kind::list) {
    node = node->kind == YamlNode::Kind::map ? node->entries.front().second : node->items.front();
  }
  return node->kind == YamlNode::Kind::text ? node->text : "no text";
}

void expect_same_text(const std::string& text) {
  const std::string written = yaml_text(text);
  EXPECT_EQ(read_back(fmt::format("a: {}\n", written)), text) << written;
  EXPECT_EQ(read_back(fmt::format("a:\n  - {}\n", written)), text) << written;
  EXPECT_EQ(read_back(fmt::format("{{a: {}, b: c}}\n", written)), text) << written;
  EXPECT_EQ(read_back(fmt::format("[{}, b]\n", written)), text) << written;
}

TEST(YamlText, StandsPlainWhereItReadsWell) {
  for (const std::string text : {"desk", "127.0.0.1:5900", "10.0.0.0/8", "unix:/run/x.sock", "broker-a.lan:61613",
                                 "https://app.example.org", "/novnc/*", "/usr/share/novnc", "v12.stomp", "a_b"}) {
    EXPECT_EQ(yaml_text(text), text);
    expect_same_text(text);
  }
}

TEST(YamlText, StandsInQuotesWhereYamlWouldReadSomethingElse) {
  for (const std::string text :
       {"",     "2",    "007",  "1.5",  "1e3",   "0x1f", "12:30", "2024-01-01", "2001:db8::1",
        "null", "Null", "yes",  "Off",  "y",     "true", "~",     "a b",        " a",
        "a ",   "a: b", "a:",   ":a",   "[::1]", "{a}",  "*a",    "&a",         "!a",
        "%a",   "@a",   "`a",   "- a",  "-",     "#a",   "a #b",  "a,b",        "\"a\"",
        "'a'",  "a\\b", "?",    "|",    ">",     "---",  "...",   "<<",         "a\tb",
        "a\nb", "a\rb", "\x01", "\x7f", "echo:", ".5",   "=",     "\xc3\xa4",   "\xef\xbb\xbfz"}) {
    EXPECT_TRUE(yaml_text(text).starts_with('"')) << text;
    expect_same_text(text);
  }
}

TEST(YamlText, IsReadBackWhateverItIs) {
  std::mt19937 random(1);  // NOLINT: the same texts each time
  const std::vector<std::string> pieces{"a",
                                        "Z",
                                        "0",
                                        "7",
                                        ":",
                                        " ",
                                        "#",
                                        "-",
                                        "?",
                                        ",",
                                        "[",
                                        "]",
                                        "{",
                                        "}",
                                        "\"",
                                        "'",
                                        "\\",
                                        "/",
                                        ".",
                                        "*",
                                        "&",
                                        "!",
                                        "|",
                                        ">",
                                        "%",
                                        "@",
                                        "`",
                                        "~",
                                        "\t",
                                        "\n",
                                        "\x1b",
                                        "\xc2\x85",
                                        "\xe2\x80\xa8",
                                        "\xe2\x80\xa9",
                                        "\xc3\xa9",
                                        "\xf0\x9f\x8c\x89"};
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (std::size_t length = random() % 8; length > 0; --length) { text += pieces[random() % pieces.size()]; }
    expect_same_text(text);
    if (HasFailure()) { return; }
  }
}

TEST(YamlValue, StandsOnOneLineWhereItFits) {
  YamlValue inner = YamlValue::map();
  inner.add("b", YamlValue::texts({"x", "w"})).add("c", YamlValue::text("1"));
  YamlValue map = YamlValue::map();
  map.add("a", inner);
  EXPECT_EQ(map.document(), "a: {b: [x, w], c: \"1\"}\n");
}

TEST(YamlValue, StandsOnSeveralLinesWhereItDoesNot) {
  const std::string wide(60, 'x');
  YamlValue map = YamlValue::map();
  map.add("a", YamlValue::map().add("b", YamlValue::texts({wide, wide})).add("c", YamlValue::texts({"w"})));
  EXPECT_EQ(map.document(), fmt::format("a:\n  b:\n    - {0}\n    - {0}\n  c: [w]\n", wide));
}

TEST(YamlValue, SpreadsListsOfMaps) {
  YamlValue item = YamlValue::map();
  item.add("name", YamlValue::text("desk")).note("host: any").add("path", YamlValue::text("/vnc"));
  YamlValue map = YamlValue::map();
  map.add("version", YamlValue::word("1")).add("routes", YamlValue::list().add(item).add(item));
  EXPECT_EQ(map.document(), R"(version: 1

routes:
  - name: desk
    # host: any
    path: /vnc
  - name: desk
    # host: any
    path: /vnc
)");
}

TEST(YamlValue, GivesItemsOfManyLinesAir) {
  YamlValue item = YamlValue::map();
  for (const char key : std::string_view("abcdefg")) { item.add({&key, 1}, YamlValue::word("1")); }
  YamlValue map = YamlValue::map();
  map.add("routes", YamlValue::list().add(item.spread()).add(item));
  const std::string lines = "a: 1\n    b: 1\n    c: 1\n    d: 1\n    e: 1\n    f: 1\n    g: 1\n";
  EXPECT_EQ(map.document(), fmt::format("routes:\n  - {0}\n  - {0}", lines));
}

TEST(YamlValue, WritesWhatIsEmpty) {
  YamlValue map = YamlValue::map();
  map.add("a", YamlValue::map().add("b", YamlValue::list()).add("c", YamlValue::map()).spread());
  EXPECT_EQ(map.document(), "a:\n  b: []\n  c: {}\n");
}

}  // namespace
}  // namespace bascule::config
