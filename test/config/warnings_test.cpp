// What is legal but risky.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "test/config/reading.hpp"

namespace bascule::config {
namespace {

using testing::ElementsAre;

std::string served_at(const std::string& listen, const std::string& more = "") {
  return "listen: " + listen + "\nroutes:\n- {name: desk, path: /vnc, auth: none, to: \"a.b:1\"" + more + "}\n";
}

TEST(Warnings, NameOpenRoutesAtPublicAddresses) {
  EXPECT_THAT(warnings(served_at("192.0.2.1:80")),
              ElementsAre("1:9: 192.0.2.1:80 is no address of this machine alone, and route 'desk' leads everybody who "
                          "reaches it to a service ('auth: none'); may they? 'allow: {addresses: [...]}' says who"));
  EXPECT_THAT(warnings(served_at("\":80\"")), testing::SizeIs(1));
  EXPECT_THAT(warnings(served_at("[127.0.0.1:80, \"[::1]:80\", \"unix:/s\"]")), ElementsAre());
}

TEST(Warnings, AreSilentWhereAddressesAreAskedFor) {
  EXPECT_THAT(warnings(served_at("{address: \":80\", allow: {addresses: 10.0.0.0/8}}")), ElementsAre());
  EXPECT_THAT(warnings(served_at("\":80\"", ", allow: {addresses: 10.0.0.0/8}")), ElementsAre());
  EXPECT_THAT(
      warnings(served_at("[{name: a, address: \":80\"}, {name: b, address: \"127.0.0.1:81\"}]", ", listeners: b")),
      ElementsAre());
}

TEST(Warnings, AreSilentAboutWhatBasculeAnswersItself) {
  EXPECT_THAT(warnings("listen: \":80\"\nroutes:\n- {name: a, path: /a, auth: none, to: \"echo:\"}\n"
                       "- {name: b, path: /b, auth: none, answer: health}\n"
                       "- {name: c, path: /c/*, auth: none, files: {folder: /}}\n"),
              ElementsAre());
}

// A thousand open routes are one thing to be said of a listener.
TEST(Warnings, AreOneAListener) {
  std::string text = "listen: [\":80\", \":81\"]\nroutes:\n";
  for (int i = 0; i < 1000; ++i) {
    text += fmt::format("- {{name: r{0}, path: /{0}, auth: none, to: \"a.b:1\"}}\n", i);
  }
  const auto said = warnings(text);
  ASSERT_EQ(said.size(), 2U);
  EXPECT_NE(said[0].find("routes 'r0', 'r1', 'r2' and 997 more lead everybody"), std::string::npos) << said[0];
}

TEST(Warnings, NameRoutesThatAnyPageMayUse) {
  EXPECT_THAT(warnings(served_at("127.0.0.1:80", ", origins: any")),
              ElementsAre("3:3: route 'desk' has 'origins: any' and 'auth: none': each page that a visitor happens to "
                          "open may use it in his name; list the pages that are meant"));
}

TEST(Warnings, NameProxiesThatAreEverybody) {
  const std::string end = " in it, so anybody may say that he is somebody else; write the addresses of your proxies";
  EXPECT_THAT(warnings(served_at("{address: \"127.0.0.1:80\", proxy_protocol: {addresses: [0.0.0.0/0, 10.0.0.7]}}")),
              ElementsAre("1:63: 'addresses' of 'proxy_protocol' of a listener has 0.0.0.0/0" + end));
  EXPECT_THAT(
      warnings(served_at("{address: \"127.0.0.1:80\", trusted_proxies: {addresses: \"::/0\", header: forwarded}}")),
      ElementsAre("1:64: 'addresses' of 'trusted_proxies' of a listener has ::/0" + end));
}

TEST(Warnings, NameBothRoutesThatFitSomeRequests) {
  EXPECT_THAT(
      warnings("listen: 127.0.0.1:1\nroutes:\n"
               "- {name: a, path: \"/{x}/vnc\", auth: none, to: \"a.b:1\"}\n"
               "- {name: b, path: \"/desk/{y}\", auth: none, to: \"a.b:1\"}\n"),
      ElementsAre("4:3: some requests fit both route 'b' and route 'a' in line 3, which gets them, for it stands "
                  "first; is that meant?"));
}

TEST(Warnings, DoNotFillTheMemory) {
  std::string text = "listen: 127.0.0.1:1\nroutes:\n";
  for (int i = 0; i < 300; ++i) {
    text += fmt::format("- {{name: r{0}, path: /{0}, auth: none, to: \"a.b:1\", origins: any}}\n", i);
  }
  const auto reading = reading_of(read_rules(text, "site.yaml"));
  ASSERT_EQ(reading.warnings.size(), 201U);
  EXPECT_EQ(reading.warnings.back().text, "and 100 more warnings");
}

}  // namespace
}  // namespace bascule::config
