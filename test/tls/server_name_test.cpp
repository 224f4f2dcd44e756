#include "proxy/tls/server_name.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bascule::tls {
namespace {

std::string two_bytes(std::size_t number) {
  return {static_cast<char>(number >> 8U), static_cast<char>(number & 0xffU)};
}

std::string entry(const std::string& name, char type = 0) {
  return type + two_bytes(name.size()) + name;
}

std::string list(const std::string& entries) {
  return two_bytes(entries.size()) + entries;
}

std::string parsed(const std::string& extension) {
  const auto name = parse_server_name(bytes_of(extension));
  if (name) { return *name; }
  return name.error() == BadServerName::malformed ? "malformed" : "no name";
}

TEST(ServerName, IsTheNameInLowerCaseWithoutADotAtItsEnd) {
  const std::string long_name = std::string(254, 'a') + 'b';
  struct Case {
    std::string asked;
    std::string name;
  };
  const std::vector<Case> cases{
      {"desk.example.org", "desk.example.org"},
      {"DESK.Example.ORG", "desk.example.org"},
      {"desk.example.org.", "desk.example.org"},
      {"localhost", "localhost"},
      {"xn--bcher-kva.example", "xn--bcher-kva.example"},
      {"192.0.2.7", "192.0.2.7"},
      {long_name, long_name},
  };
  for (const Case& each : cases) { EXPECT_EQ(parsed(list(entry(each.asked))), each.name); }
}

TEST(ServerName, IsNothingThatNoHostIsCalled) {
  const std::vector<std::string> cases{
      "", ".", std::string(256, 'a'), std::string("a\0b", 3), std::string("\0", 1), "a b", "a\n", "b\xc3\xbc", "\x7f",
  };
  for (const std::string& each : cases) { EXPECT_EQ(parsed(list(entry(each))), "no name") << each.size(); }
}

TEST(ServerName, IsOneEntryWithTheLengthsThatItHas) {
  const std::string good = list(entry("a.example"));
  for (std::size_t cut = 0; cut < good.size(); ++cut) { EXPECT_EQ(parsed(good.substr(0, cut)), "malformed") << cut; }
  const std::vector<std::string> cases{
      good + "x",
      list(""),
      list(entry("a.example", 1)),
      list(entry("a.example") + entry("b.example")),
      list(entry("a.example") + "x"),
      two_bytes(0) + entry("a.example"),
      list(std::string(1, '\0') + two_bytes(8) + "a.example"),
      list(std::string(1, '\0') + two_bytes(10) + "a.example"),
      list(std::string(1, '\0') + two_bytes(0xffff) + "a.example"),
  };
  for (const std::string& each : cases) { EXPECT_EQ(parsed(each), "malformed"); }
}

}  // namespace
}  // namespace bascule::tls
