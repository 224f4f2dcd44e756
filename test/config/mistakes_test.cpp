// What an operator sees when something is wrong: each mistake with its place, its sentence and its way out.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "test/config/reading.hpp"

namespace bascule::config {
namespace {

using testing::ElementsAre;
using testing::EndsWith;

// The mistakes of a file that is right but for the lines of one route.
std::vector<std::string> of_route(std::string_view keys) {
  return mistakes("listen: :1\nroutes:\n- name: desk\n" + std::string(keys));
}

const std::string rest_of_route = "  path: /vnc\n  auth: none\n  to: a.b:1\n";

// Each row is one line of a route that has everything else, in line 7.
struct Row {
  std::string line;
  std::string mistake;
};

void expect_each(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    EXPECT_THAT(of_route(rest_of_route + "  " + std::string(row.line) + "\n"), ElementsAre(row.mistake)) << row.line;
  }
}

// --- the whole file --------------------------------------------------------------------------------------------------

TEST(Mistakes, NameFileLineAndColumn) {
  const auto rules = read_rules("listen: :1\nroutes:\n- name: desk\n  orgins: same\n" + rest_of_route, "site.yaml");
  ASSERT_FALSE(rules.ok());
  EXPECT_EQ(rules.error()[0].place.text() + ": " + rules.error()[0].text,
            "site.yaml:4:3: unknown key 'orgins' in route 'desk'; did you mean 'origins'?");
}

TEST(Mistakes, ComeAllAtOnceInTheOrderOfTheirPlaces) {
  EXPECT_THAT(mistakes("routes:\n"
                       "- path: /a\n"
                       "  auth: none\n"
                       "  to: a:99999\n"
                       "- name: b\n"
                       "  to: 5900\n"
                       "  path: b\n"
                       "lissten: :1\n"),
              ElementsAre("1:1: the rules file has no 'listen'; where should bascule wait? 'listen: 127.0.0.1:6080'",
                          "2:3: route 1 has no 'name'; the log speaks of it by its name",
                          "4:7: 'to' of route 1: port 99999 is out of range (1 to 65535)",
                          "5:3: route 'b' has no 'auth'; a route that is open to everybody says 'auth: none'",
                          "6:7: 'to' of route 'b': '5900' is a port without a host; write '127.0.0.1:5900'",
                          "7:9: 'path' of route 'b': a path begins with '/': '/b'",
                          "8:1: unknown key 'lissten' in the rules file; did you mean 'listen'?"));
}

TEST(Mistakes, AreOneWhereTheSyntaxIsWrong) {
  EXPECT_THAT(mistakes("lissten: :1\nroutes: echo:\n"),
              ElementsAre("2:9: YAML reads a ':' at the end of a value, or before a space, as the end of a key; put "
                          "quotes around it: \"echo:\""));
}

TEST(Mistakes, DoNotFillTheMemory) {
  std::string text = "listen: :1\nroutes: {name: a, path: /, auth: none, to: \"echo:\"}\n";
  for (int i = 0; i < 1000; ++i) { text += "key" + std::to_string(i) + ": 1\n"; }
  const auto rules = read_rules(text, "site.yaml");
  ASSERT_FALSE(rules.ok());
  EXPECT_EQ(rules.error().size(), 201U);
  EXPECT_EQ(rules.error().back().text, "and 800 more mistakes");
}

TEST(Mistakes, ShowForeignBytesAsEscapes) {
  EXPECT_THAT(of_route(rest_of_route + "  \"\\e[31m\": x\n"),
              ElementsAre("7:3: unknown key '\\x1b[31m' in route 'desk'"));
}

TEST(Mistakes, FollowFromAFileThatIsNoRulesFile) {
  EXPECT_THAT(mistakes(""), ElementsAre("0:0: the file is empty; it needs 'listen' and 'routes'"));
  EXPECT_THAT(mistakes("hello"), ElementsAre("1:1: a rules file is a map; it begins with 'listen:' and 'routes:'"));
  EXPECT_THAT(mistakes("- a"), ElementsAre("1:1: a rules file is a map; it begins with 'listen:' and 'routes:'"));
  EXPECT_THAT(mistakes("listen: :1\n"), ElementsAre("1:1: the rules file has no 'routes'; without one nobody gets in"));
  EXPECT_THAT(mistakes("listen: :1\nroutes: []\n"),
              ElementsAre("2:9: 'routes' is empty; without a route nobody gets in"));
  EXPECT_THAT(mistakes("listen: :1\nroutes: desk\n"),
              ElementsAre("2:9: 'routes' is a list of maps: '- name: desktop', and its other keys below"));
  EXPECT_THAT(mistakes("listen: :1\nroutes: [desk]\n"),
              ElementsAre("2:10: route 1 is no map; a route has a name, a path, 'auth' and 'to'"));
}

TEST(Mistakes, FollowFromBytesThatAreNoText) {
  EXPECT_THAT(mistakes("listen: :1\n\troutes: x\n"), ElementsAre("2:1: a tab in the indentation; YAML wants spaces"));
  EXPECT_THAT(mistakes(std::string_view("listen: :1\0\n", 12)),
              ElementsAre("1:11: control byte 0x00; is this a text file?"));
  EXPECT_THAT(mistakes("listen: \xff\n"), ElementsAre("1:9: not UTF-8; save the file as UTF-8 text"));
  EXPECT_THAT(mistakes(std::string(100'000, '[')), ElementsAre(EndsWith("nested too deeply: more than 32 levels")));
  EXPECT_THAT(mistakes(std::string(16 * 1024 * 1024 + 1, ' ')),
              ElementsAre("0:0: more than 16MiB; a rules file is not that large"));
}

// --- keys ------------------------------------------------------------------------------------------------------------

TEST(Mistakes, ShowWhatWasProbablyMeant) {
  expect_each({
      {"pathh: /x", "7:3: unknown key 'pathh' in route 'desk'; did you mean 'path'?"},
      {"connect: 5s", "7:3: unknown key 'connect' in route 'desk'; it is a key of 'timeouts'"},
      {"upstream: a:1", "7:3: unknown key 'upstream' in route 'desk'; did you mean 'to'?"},
      {"zebra: 1", "7:3: unknown key 'zebra' in route 'desk'"},
      {"timeouts: {conect: 5s}", "7:14: unknown key 'conect' in 'timeouts' of route 'desk'; did you mean 'connect'?"},
      {"frames: {from: text}", "7:12: unknown key 'from' in 'frames' of route 'desk'"},
      {"limits: {session: 5}", "7:12: unknown key 'session' in 'limits' of route 'desk'; did you mean 'sessions'?"},
  });
}

TEST(Mistakes, RefuseAKeyThatStandsTwice) {
  expect_each({
      {"path: /other", "7:3: key 'path' stands twice in route 'desk'; the first is in line 4"},
      {"timeouts: {idle: 1s, idle: 2s}",
       "7:24: key 'idle' stands twice in 'timeouts' of route 'desk'; the first is in line 7"},
  });
  EXPECT_THAT(mistakes("listen: :1\nlisten: :2\nroutes:\n- name: desk\n" + rest_of_route),
              ElementsAre("2:1: key 'listen' stands twice in the rules file; the first is in line 1"));
}

TEST(Mistakes, RefuseKeysThatAreNoWords) {
  expect_each({
      {"<<: {idle: 1s}", "7:3: merge keys ('<<') are not supported; write the keys out"},
      {"[a]: b", "7:3: a key of route 'desk' is a word, and this is none"},
      {"~: b", "7:3: a key of route 'desk' is a word, and this is none"},
  });
}

TEST(Mistakes, TellWhatIsNotSupportedYetFromWhatIsUnknown) {
  const std::string end = " is not supported by this version of bascule";
  for (const char* key : {"admin", "log"}) {
    EXPECT_THAT(mistakes(fmt::format("{}: {{}}\nlisten: :1\nroutes:\n- name: desk\n{}", key, rest_of_route)),
                ElementsAre(fmt::format("1:1: '{}' in the rules file{}", key, end)));
  }
  EXPECT_THAT(mistakes("process: {user: x}\nlisten: :1\nroutes:\n- name: desk\n" + rest_of_route),
              ElementsAre("1:11: 'user' in 'process'" + end));
  expect_each(
      {{"protocol: xmpp", "7:13: 'protocol' of route 'desk': 'xmpp' is not supported by this version of bascule"}});
}

// A secret in the open is refused and not repeated; auth_mistakes_test.cpp has it in every place of `auth`.
TEST(Mistakes, NeverRepeatASecret) {
  const std::string secret = "hunter2";
  const std::vector<std::string> texts{
      "auth: {robot: {token: {secret: hunter2, user: robot}}}\nlisten: :1\nroutes:\n- name: desk\n" + rest_of_route,
      "auth: hunter2\nlisten: :1\nroutes:\n- name: desk\n" + rest_of_route,
      "admin: {address: \":2\", auth: hunter2}\nlisten: :1\nroutes:\n- name: desk\n" + rest_of_route,
      "listen: {address: \":1\", tls: {certificates: [{key: hunter2}]}}\nroutes:\n- name: desk\n" + rest_of_route,
      one_route("  path: /\n  to: a.b:1\n  auth: hunter2\n"),
      one_route("  path: /\n  to: a.b:1\n  auth: {token: hunter2}\n"),
      one_route("  path: /\n  to: {address: \"a.b:1\", tls: {key: hunter2}}\n  auth: none\n"),
      "defaults: {auth: hunter2}\nlisten: :1\nroutes:\n- name: desk\n" + rest_of_route,
  };
  for (const std::string& text : texts) {
    const auto said = mistakes(text);
    EXPECT_FALSE(said.empty()) << text;
    for (const std::string& sentence : said) { EXPECT_EQ(sentence.find(secret), std::string::npos) << sentence; }
  }
}

TEST(Mistakes, RefuseALaterVersionOfTheLanguage) {
  EXPECT_THAT(
      mistakes("version: 2\nlisten: :1\nroutes:\n- name: desk\n" + rest_of_route),
      ElementsAre("1:10: version 2 of the rules language is not supported by this version of bascule; it is 1"));
}

// --- kinds of values -------------------------------------------------------------------------------------------------

TEST(Mistakes, ExplainTheTrapsOfYaml) {
  expect_each({
      {"host: null",
       "7:9: 'host' of route 'desk': YAML reads null as no value at all; if the word is meant, put quotes "
       "around it: \"null\""},
      {"host: ~",
       "7:9: 'host' of route 'desk': YAML reads ~ as no value at all; if the word is meant, put quotes around "
       "it: \"~\""},
      {"origins: [null]", "7:13: 'origins' of route 'desk': the origin null is written 'opaque'"},
      {"protocol:", "7:3: 'protocol' of route 'desk' has no value"},
      {"host: {a.b}", "7:9: 'host' of route 'desk': YAML reads this as a map; put quotes around it: \"{a.b}\""},
      {"host: [::1]", "7:9: 'host' of route 'desk': YAML reads this as a list; put quotes around it: \"[::1]\""},
      {"host: *.example.org",
       "7:9: YAML reads '*.example.org' as an alias, for it begins with '*'; put quotes around "
       "it: \"*.example.org\""},
  });
  EXPECT_THAT(of_route("  path: {id}\n  auth: none\n  to: {echo:}\n"),
              ElementsAre("4:9: 'path' of route 'desk': YAML reads this as a map; put quotes around it: \"{id}\"",
                          "6:7: 'to' of route 'desk': YAML reads this as a map; put quotes around it: \"echo:\""));
  EXPECT_THAT(of_route("  path: /\n  auth: none\n  to:\n    echo:\n"),
              ElementsAre("7:5: 'to' of route 'desk': YAML reads this as a map; put quotes around it: \"echo:\""));
  EXPECT_THAT(mistakes("listen: [::]\nroutes:\n- name: desk\n" + rest_of_route),
              ElementsAre("1:9: 'listen': YAML reads this as a list; put quotes around it: \"[::]\""));
  EXPECT_THAT(mistakes("listen: [:2, [::1]]\nroutes:\n- name: desk\n" + rest_of_route),
              ElementsAre("1:14: 'listen': YAML reads this as a list; put quotes around it: \"[::1]\""));
}

TEST(Mistakes, SayWhichKindOfValueIsTaken) {
  expect_each({
      {"protocol: [vnc, mqtt]", "7:13: 'protocol' of route 'desk' takes one word, not a list"},
      {"host: {a: b}", "7:9: 'host' of route 'desk' takes words, not a map"},
      {"timeouts: 30s", "7:13: 'timeouts' of route 'desk' is a map: timeouts: {connect: 5s, idle: 30m}"},
      {"frames: binary",
       "7:11: 'frames' of route 'desk' is a map: frames: {from_client: [binary, text], to_client: match}"},
      {"limits: 500", "7:11: 'limits' of route 'desk' is a map: limits: {sessions: 500}"},
      {"timeouts: {idle: [1s]}", "7:20: 'idle' of 'timeouts' of route 'desk' takes one word, not a list"},
  });
}

TEST(Mistakes, ShowHowAUnitIsWritten) {
  expect_each({
      {"timeouts: {idle: 30}", "7:20: 'idle' of 'timeouts' of route 'desk': '30' has no unit; write '30s' for seconds"},
      {"timeouts: {ping: 30 s}", "7:20: 'ping' of 'timeouts' of route 'desk': '30 s' is written '30s'"},
      {"frames: {max: 65536}",
       "7:17: 'max' of 'frames' of route 'desk': '65536' has no unit; write '65536B' for bytes, or '64KiB'"},
      {"frames: {max: 64kB}", "7:17: 'max' of 'frames' of route 'desk': '64kB' is written '64KiB'"},
      {"limits: {sessions: 010}",
       "7:22: 'sessions' of 'limits' of route 'desk': '010' is not a count; write a whole "
       "number such as '500', or 'none'"},
      {"limits: {sessions: .nan}",
       "7:22: 'sessions' of 'limits' of route 'desk': '.nan' is not a count; write a whole "
       "number such as '500', or 'none'"},
  });
}

// --- words -----------------------------------------------------------------------------------------------------------

TEST(Mistakes, NameTheWordsThatAreTaken) {
  expect_each({
      {"protocol: vcn", "7:13: 'protocol' of route 'desk': unknown protocol 'vcn'; did you mean 'vnc'?"},
      {"protocol: telnet",
       "7:13: 'protocol' of route 'desk': unknown protocol 'telnet'; there are vnc, mqtt, stomp, "
       "amqp, spice, ssh, raw"},
      {"origins: sme", "7:12: 'origins' of route 'desk': unknown word 'sme'; did you mean 'same'?"},
      {"origins: [same, app.example.org]",
       "7:19: 'origins' of route 'desk': an origin begins with its scheme: 'https://app.example.org'"},
      {"origins: []",
       "7:12: 'origins' of route 'desk' is empty, so nobody could come in; leave it out for [same, "
       "missing]"},
      {"host: []", "7:9: 'host' of route 'desk' is empty; leave it out to answer to addresses and localhost"},
      {"host: [any, a.b]", "7:9: 'host' of route 'desk': 'any' stands alone, for it takes every host"},
      {"listeners: []", "7:14: 'listeners' of route 'desk' is empty; leave it out to be at all of them"},
      {"listeners: public", "7:14: 'listeners' of route 'desk': there is no listener 'public'"},
      {"subprotocols: [a b]",
       "7:18: 'subprotocols' of route 'desk': 'a b' is no subprotocol; it has no spaces, commas "
       "or the like in it"},
      {"subprotocols: [x, x]", "7:21: 'subprotocols' of route 'desk': 'x' stands there twice"},
      {"frames: {from_client: txt}",
       "7:25: 'from_client' of 'frames' of route 'desk': 'txt' is no kind of frame; did you mean 'text'?"},
      {"frames: {from_client: []}", "7:25: 'from_client' of 'frames' of route 'desk' is empty; binary, text or both"},
      {"frames: {to_client: macth}",
       "7:23: 'to_client' of 'frames' of route 'desk': unknown word 'macth'; did you mean 'match'?"},
  });
}

TEST(Mistakes, AskForAnOpenRouteToSaySo) {
  EXPECT_THAT(of_route("  path: /\n  to: a.b:1\n"),
              ElementsAre("3:3: route 'desk' has no 'auth'; a route that is open to everybody says 'auth: none'"));
  EXPECT_THAT(of_route("  path: /\n  to: a.b:1\n  auth:\n"), ElementsAre("6:3: 'auth' of route 'desk' has no value"));
}

// --- what fits together ----------------------------------------------------------------------------------------------

TEST(Mistakes, AskForOnePlaceToLeadTo) {
  EXPECT_THAT(
      of_route("  path: /\n  auth: none\n"),
      ElementsAre("3:3: route 'desk' leads nowhere; write 'to: host:port', or 'files: {folder: ...}' for pages"));
  EXPECT_THAT(of_route("  path: /\n  auth: none\n  to: a.b:1\n  files: {folder: /}\n"),
              ElementsAre("3:3: route 'desk' has both 'to' and 'files'; a route leads to one place"));
  EXPECT_THAT(of_route("  path: /\n  auth: none\n  answer: health\n  files: {folder: /}\n"),
              ElementsAre("3:3: route 'desk' has both 'files' and 'answer'; a route leads to one place"));
}

TEST(Mistakes, RefuseANameThatIsUsedTwice) {
  EXPECT_THAT(mistakes("listen: :1\nroutes:\n- {name: a, path: /a, auth: none, to: \"x.y:1\"}\n"
                       "- {name: a, path: /b, auth: none, to: \"x.y:1\"}\n"),
              ElementsAre("4:10: the name 'a' is used twice; the first route of that name is in line 3"));
  EXPECT_THAT(
      mistakes("listen: :1\nservices: {a: {address: \"x.y:1\"}, a: {address: \"x.y:2\"}}\nroutes:\n- name: desk\n" +
               rest_of_route),
      ElementsAre("2:35: key 'a' stands twice in 'services'; the first is in line 2"));
  EXPECT_THAT(mistakes("listen:\n- {name: a, address: \":1\"}\n- {name: a, address: \":2\"}\nroutes:\n- name: desk\n" +
                       rest_of_route),
              ElementsAre("3:3: the name 'a' is used twice; the first listener of that name is in line 2"));
}

TEST(Mistakes, RefuseAnAddressThatIsListenedAtTwice) {
  EXPECT_THAT(
      mistakes("listen: [127.0.0.1:1, {name: b, address: \"127.0.0.1:1\"}]\nroutes:\n- name: desk\n" + rest_of_route),
      ElementsAre("1:23: '127.0.0.1:1' is listened at twice; the first is in line 1"));
}

TEST(Mistakes, RefuseWhatIsWrongWithAListener) {
  const std::string routes = "\nroutes:\n- name: desk\n" + rest_of_route;
  EXPECT_THAT(mistakes("listen: 6080" + routes),
              ElementsAre("1:9: 'listen': '6080' is a port without an address; write '127.0.0.1:6080' for this machine "
                          "only, or ':6080' for all addresses"));
  EXPECT_THAT(mistakes("listen: []" + routes),
              ElementsAre("1:9: 'listen' is empty; where should bascule wait? 'listen: 127.0.0.1:6080'"));
  EXPECT_THAT(mistakes("listen: {name: a}" + routes),
              ElementsAre("1:9: a listener has no 'address'; where should bascule wait? 'address: 127.0.0.1:6080'"));
  EXPECT_THAT(mistakes("listen: {address: unix:/x, mode: 0660}" + routes),
              ElementsAre("1:34: 'mode' of a listener: YAML may read it as a number; put quotes around it: \"0660\""));
  EXPECT_THAT(mistakes("listen: {address: unix:/x, mode: \"rw\"}" + routes),
              ElementsAre("1:34: 'mode' of a listener: 'rw' is no mode; three octal digits make one: \"0660\""));
  EXPECT_THAT(mistakes("listen: {address: \":1\", mode: \"0660\"}" + routes),
              ElementsAre("1:31: 'mode' of a listener: only a Unix socket has one"));
}

// A listener with a mistake is still there for the routes that name it: one mistake, one message.
TEST(Mistakes, DoNotFollowFromOneAnother) {
  const std::string broken = "listen: {name: office, address: \"x:1\"}\nroutes:\n- name: desk\n";
  const std::string of_listener =
      "1:33: 'address' of a listener: 'x' is no address of this machine; write an IP address, or ':1' for all of them";
  EXPECT_THAT(mistakes(broken + "  listeners: office\n" + rest_of_route), ElementsAre(of_listener));
  EXPECT_THAT(mistakes(broken + "  listeners: ofice\n" + rest_of_route),
              ElementsAre(of_listener,
                          "4:14: 'listeners' of route 'desk': there is no listener 'ofice'; did you mean 'office'?"));
}

TEST(Mistakes, NameTheRouteThatHidesAnother) {
  EXPECT_THAT(mistakes("listen: :1\nroutes:\n- {name: all, path: /*, auth: none, to: \"x.y:1\"}\n"
                       "- {name: desk, path: /desk, auth: none, to: \"x.y:2\"}\n"),
              ElementsAre("4:3: route 'desk' can never match: route 'all' in line 3 takes all it would; put 'desk' "
                          "first"));
  EXPECT_THAT(mistakes("listen: :1\nroutes:\n- {name: a, path: /x, auth: none, to: \"x.y:1\"}\n"
                       "- {name: b, path: /x, auth: none, to: \"x.y:2\"}\n"),
              ElementsAre("4:3: route 'b' can never match: route 'a' in line 3 takes all it would; one of them is too "
                          "many"));
}

TEST(Mistakes, FindAServiceThatIsBasculeItself) {
  for (const std::string to : {"127.0.0.1:1", "localhost:1", "[::1]:1", "tcp://127.0.0.2:1"}) {
    EXPECT_THAT(of_route("  path: /\n  auth: none\n  to: \"" + to + "\"\n"),
                ElementsAre("6:7: 'to' of route 'desk': '" + to + "' leads back to bascule's own listener in line 1"));
  }
  EXPECT_THAT(of_route("  path: /\n  auth: none\n  to: \"127.0.0.1:2\"\n"), ElementsAre());
  EXPECT_THAT(of_route("  path: /\n  auth: none\n  to: \"192.0.2.1:1\"\n"), ElementsAre());
  EXPECT_THAT(mistakes("listen: unix:/x\nroutes: {name: a, path: /, auth: none, to: unix:/x}\n"),
              ElementsAre("2:44: 'to' of route 'a': 'unix:/x' leads back to bascule's own listener in line 1"));
  EXPECT_THAT(
      mistakes("listen: 127.0.0.1:1\nservices:\n  me: {addresses: [\"a.b:1\", \"localhost:1\"]}\n"
               "routes: {name: a, path: /, auth: none, to: me}\n"),
      ElementsAre("3:29: 'addresses' of service 'me': 'localhost:1' leads back to bascule's own listener in line 1"));
}

TEST(Mistakes, RefuseWhatDoesNothingOnARouteOfFiles) {
  EXPECT_THAT(of_route("  path: /*\n"
                       "  auth: none\n"
                       "  files: {folder: /}\n"
                       "  origins: any\n"
                       "  protocol: vnc\n"
                       "  subprotocols: x\n"
                       "  frames: {max: 1KiB}\n"
                       "  limits: {sessions: 5, head_size: 1KiB, frames: none}\n"
                       "  timeouts: {head: 1s, ping: 1s, lifetime: 1h}\n"
                       "  bandwidth: {to_client: none}\n"
                       "  refuse: close\n"
                       "  on_reload: keep\n"),
              ElementsAre("7:12: 'origins' of route 'desk' does nothing, for this route serves files",
                          "8:13: 'protocol' of route 'desk' does nothing, for this route serves files",
                          "9:17: 'subprotocols' of route 'desk' does nothing, for this route serves files",
                          "10:11: 'frames' of route 'desk' does nothing, for this route serves files",
                          "11:22: 'sessions' of 'limits' of route 'desk' does nothing, for this route serves files",
                          "11:50: 'frames' of 'limits' of route 'desk' does nothing, for this route serves files",
                          "12:30: 'ping' of 'timeouts' of route 'desk' does nothing, for this route serves files",
                          "12:44: 'lifetime' of 'timeouts' of route 'desk' does nothing, for this route serves files",
                          "13:14: 'bandwidth' of route 'desk' does nothing, for this route serves files",
                          "14:11: 'refuse' of route 'desk' does nothing, for this route serves files",
                          "15:14: 'on_reload' of route 'desk' does nothing, for this route serves files"));
  EXPECT_THAT(
      of_route("  path: /alive\n  auth: none\n  answer: health\n  origins: any\n"),
      ElementsAre("7:12: 'origins' of route 'desk' does nothing, for this route is answered by bascule itself"));
}

TEST(Mistakes, NameTheAnswersThereAre) {
  EXPECT_THAT(of_route("  path: /alive\n  auth: none\n  answer: helth\n"),
              ElementsAre("6:11: 'answer' of route 'desk': unknown word 'helth'; did you mean 'health'?"));
  EXPECT_THAT(of_route("  path: /alive\n  auth: none\n  answer: {status: 200}\n"),
              ElementsAre("6:11: 'answer' of route 'desk' takes one word, not a map"));
}

TEST(Mistakes, RefuseAFolderThatIsNotThere) {
  const auto of_files = [](const std::string& files) {
    return of_route("  path: /*\n  auth: none\n  files: " + files + "\n");
  };
  EXPECT_THAT(of_files("{folder: /nowhere/at/all}"),
              ElementsAre("6:19: 'folder' of 'files' of route 'desk': there is no '/nowhere/at/all'"));
  EXPECT_THAT(of_files("{folder: /dev/null}"),
              ElementsAre("6:19: 'folder' of 'files' of route 'desk': '/dev/null' is no folder"));
  EXPECT_THAT(of_files("{folder: /, index: no-such-file.html}"),
              ElementsAre("6:29: 'index' of 'files' of route 'desk': there is no 'no-such-file.html' in '/'"));
  EXPECT_THAT(of_files("{folder: /, index: ../x}"),
              ElementsAre("6:29: 'index' of 'files' of route 'desk': '../x' is no name of a file"));
  EXPECT_THAT(of_files("{folder: /, scripts: any}"),
              ElementsAre("6:31: 'scripts' of 'files' of route 'desk': unknown word 'any'; there are own, inline"));
  EXPECT_THAT(of_files("{index: x}"), ElementsAre("6:10: 'files' of route 'desk' has no 'folder'"));
  EXPECT_THAT(of_files("/usr/share/novnc"), ElementsAre("6:10: 'files' of route 'desk' is a map: files: {folder: "
                                                        "/usr/share/novnc, index: vnc.html}"));
}

TEST(Mistakes, RefuseWhatIsWrongWithTheProcess) {
  const std::string rest = "\nlisten: :1\nroutes:\n- name: desk\n" + rest_of_route;
  for (const char* workers : {"0", "-1", "1025", "many"}) {
    EXPECT_THAT(mistakes(fmt::format("process: {{workers: {}}}{}", workers, rest)),
                ElementsAre(fmt::format(
                    "1:20: 'workers' of 'process': '{}' is neither 'auto' nor a number from 1 to 1024", workers)));
  }
  EXPECT_THAT(mistakes("process: {drain: 30}" + rest),
              ElementsAre("1:18: 'drain' of 'process': '30' has no unit; write '30s' for seconds"));
  EXPECT_THAT(mistakes("process: {watch: yes}" + rest),
              ElementsAre("1:18: 'watch' of 'process': unknown word 'yes'; there are true, false"));
}

// Whatever happens to a file, the reader says so with a place, or takes it; it never falls over.
TEST(Mistakes, SurviveEveryPrefixAndEveryReplacedByte) {
  const std::string text =
      "listen: [\":1\", {name: s, address: unix:/s, mode: \"0600\"}]\n"
      "x-t: &t {idle: 1s}\n"
      "services: {s: {addresses: [a:1], health: {every: 1s}, within: [10.0.0.0/8]}}\n"
      "defaults: {limits: {frames: 5/s}}\n"
      "routes:\n"
      "- name: a\n"
      "  host: [a.b, \"[::1]\"]\n"
      "  path: /a/{b:[0-9]+}/*\n"
      "  match: {query: {v: \"2\"}, subprotocol: [x]}\n"
      "  allow: [{addresses: [unix, \"::1\"]}]\n"
      "  origins: [same, https://c.d]\n"
      "  auth: none\n"
      "  frames: {from_client: [text], max: 1KiB}\n"
      "  timeouts: *t\n"
      "  to: {address: \"{path.b}:1\", within: [10.0.0.0/8]}\n"
      "- {name: r, host: \"*.a.b\", path: /r, auth: none, to: s, bandwidth: {to_client: 1MiB/s}}\n"
      "- {name: p, path: /*, auth: none, files: {folder: /}}\n";
  ASSERT_THAT(mistakes(text), ElementsAre());
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::vector<std::string> inputs{text.substr(0, at)};
    for (const char replaced : std::string_view(":\n{ ")) {
      inputs.push_back(text);
      inputs.back()[at] = replaced;
    }
    for (const std::string& input : inputs) {
      const auto rules = read_rules(input, "site.yaml");
      if (rules) { continue; }
      ASSERT_FALSE(rules.error().empty()) << input;
      for (const Mistake& mistake : rules.error()) {
        EXPECT_FALSE(mistake.text.empty()) << input;
        EXPECT_LE(mistake.place.line, 19) << input;
      }
    }
  }
}

}  // namespace
}  // namespace bascule::config
