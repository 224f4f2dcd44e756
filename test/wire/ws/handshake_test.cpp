#include "proxy/wire/ws/handshake.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace bascule::wire::ws {
namespace {

using http::Field;
using http::RequestHead;
using Words = std::vector<std::string>;

const std::string sample_key = "dGhlIHNhbXBsZSBub25jZQ==";  // RFC 6455, section 1.3

RequestHead good_head() {
  RequestHead head;
  head.method = "GET";
  head.target = "/vnc";
  head.fields = {{"host", "example.org"},
                 {"upgrade", "websocket"},
                 {"connection", "Upgrade"},
                 {"sec-websocket-key", sample_key},
                 {"sec-websocket-version", "13"}};
  return head;
}

// The good head with a field set to another value, without it, or with one more.
RequestHead with(const std::string& name, const std::string& value) {
  RequestHead head = good_head();
  for (Field& field : head.fields) {
    if (field.name == name) {
      field.value = value;
      return head;
    }
  }
  head.fields.push_back({name, value});
  return head;
}

RequestHead without(const std::string& name) {
  RequestHead head = good_head();
  std::erase_if(head.fields, [&name](const Field& field) { return field.name == name; });
  return head;
}

RequestHead with_more(const std::vector<Field>& fields) {
  RequestHead head = good_head();
  head.fields.insert(head.fields.end(), fields.begin(), fields.end());
  return head;
}

bool accepts(const RequestHead& head) {
  return std::holds_alternative<Upgrade>(judge_upgrade(head));
}

void expect_refused(const RequestHead& head, UpgradeError error, const std::string& what) {
  const auto verdict = judge_upgrade(head);
  const auto* refused = std::get_if<UpgradeRefused>(&verdict);
  ASSERT_NE(refused, nullptr) << "accepted: " << what;
  EXPECT_EQ(refused->error, error) << what << ": " << refused->why;
  EXPECT_STRNE(refused->why, "");
}

TEST(JudgeUpgrade, AcceptsTheLeastThatIsNeeded) {
  const auto verdict = judge_upgrade(good_head());
  const auto* upgrade = std::get_if<Upgrade>(&verdict);
  ASSERT_NE(upgrade, nullptr);
  EXPECT_EQ(upgrade->key, sample_key);
  EXPECT_TRUE(upgrade->protocols.empty());
}

TEST(JudgeUpgrade, FindsItsWordsInListsWhateverTheirCase) {
  for (const std::string value : {"WebSocket", "WEBSOCKET", "h2c, websocket", "websocket,h2c", "h2c ,\tWebsocket"}) {
    EXPECT_TRUE(accepts(with("upgrade", value))) << value;
  }
  for (const std::string value : {"upgrade", "keep-alive, Upgrade", "Upgrade,close", "UPGRADE"}) {
    EXPECT_TRUE(accepts(with("connection", value))) << value;
  }
  RequestHead two_fields = with("connection", "keep-alive");
  two_fields.fields.push_back({"connection", "Upgrade"});
  EXPECT_TRUE(accepts(two_fields));
}

TEST(JudgeUpgrade, IgnoresFieldsThatMeanNothingToIt) {
  EXPECT_TRUE(accepts(
      with_more({{"http2-settings", "AAMAAABk"}, {"expect", "100-continue"}, {"te", "trailers"}, {"__proto__", "x"}})));
}

TEST(JudgeUpgrade, DemandsGet) {
  for (const std::string method : {"HEAD", "POST", "get", "GETX", "CONNECT", "OPTIONS", ""}) {
    RequestHead head = good_head();
    head.method = method;
    expect_refused(head, UpgradeError::method_not_get, method);
  }
}

TEST(JudgeUpgrade, AsksForAnUpgradeWhereThereIsNone) {
  expect_refused(without("upgrade"), UpgradeError::not_an_upgrade, "no Upgrade");
  for (const std::string value : {"", "h2c", "websockets", "web socket", "websocket/13", "\"websocket\""}) {
    expect_refused(with("upgrade", value), UpgradeError::not_an_upgrade, value);
  }
  RequestHead old = good_head();
  old.version_minor = 0;  // where Upgrade has no meaning
  expect_refused(old, UpgradeError::not_an_upgrade, "HTTP/1.0");
}

TEST(JudgeUpgrade, DemandsThatConnectionNamesUpgrade) {
  expect_refused(without("connection"), UpgradeError::malformed, "no Connection");
  for (const std::string value : {"", "keep-alive", "upgrades", "keep-alive Upgrade", "close"}) {
    expect_refused(with("connection", value), UpgradeError::malformed, value);
  }
}

TEST(JudgeUpgrade, DemandsOneKeyOf16BytesInBase64) {
  for (const std::string key : {"AAAAAAAAAAAAAAAAAAAAAA==", "AAAAAAAAAAAAAAAAAAAAAQ==", "/+/+/+/+/+/+/+/+/+/+/w==",
                                "0123456789abcdefghijkg=="}) {
    EXPECT_TRUE(accepts(with("sec-websocket-key", key))) << key;
  }
  expect_refused(without("sec-websocket-key"), UpgradeError::malformed, "no key");
  expect_refused(with_more({{"sec-websocket-key", sample_key}}), UpgradeError::malformed, "the key twice");
  for (const std::string key :
       {"", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ===",
        "dGhlIHNhbXBsZSBub25jZR==", "dGhlIHNhbXBsZSBub25jZ===", "dGhlIHNhbXBsZSBub25j",
        "dGhlIHNhbXBsZSBub25jZWZnaA==", "dGhlIHNhbXBsZSBub25jZWY=", "dGhlIHNhbXBsZSBub25j ZQ==",
        "dGhlIHNhbXBsZSBub25-ZQ==", "dGhlIHNhbXBsZSBub2_jZQ==", "dGhlIHNhbXBs=SBub25jZQ==",
        "\xc3\xa4hlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ==,dGhlIHNhbXBsZSBub25jZQ=="}) {
    expect_refused(with("sec-websocket-key", key), UpgradeError::malformed, key);
  }
}

TEST(JudgeUpgrade, DemandsVersion13Once) {
  expect_refused(without("sec-websocket-version"), UpgradeError::malformed, "no version");
  expect_refused(with_more({{"sec-websocket-version", "13"}}), UpgradeError::malformed, "the version twice");
  expect_refused(with_more({{"sec-websocket-version", "8"}}), UpgradeError::malformed, "two versions");
  for (const std::string version :
       {"8", "7", "0", "12", "14", "255", "256", "13, 8", "8, 13", "013", "+13", "13.0", "1 3", "x", ""}) {
    expect_refused(with("sec-websocket-version", version), UpgradeError::other_version, version);
  }
}

TEST(JudgeUpgrade, NamesTheVersionBeforeItFindsFaultWithTheKey) {
  RequestHead head = with("sec-websocket-version", "8");
  std::erase_if(head.fields, [](const Field& field) { return field.name == "sec-websocket-key"; });
  expect_refused(head, UpgradeError::other_version, "an old client");
}

TEST(JudgeUpgrade, ReadsTheProtocolsInTheirOrderOverAllFields) {
  const auto protocols_of = [](const RequestHead& head) {
    const auto verdict = judge_upgrade(head);
    const auto* upgrade = std::get_if<Upgrade>(&verdict);
    return upgrade == nullptr ? Words{"(refused)"} : upgrade->protocols;
  };
  EXPECT_EQ(protocols_of(with("sec-websocket-protocol", "binary")), Words{"binary"});
  EXPECT_EQ(protocols_of(with("sec-websocket-protocol", "v12.stomp, v11.stomp ,\tv10.stomp")),
            (Words{"v12.stomp", "v11.stomp", "v10.stomp"}));
  EXPECT_EQ(protocols_of(with_more({{"sec-websocket-protocol", "b, c"}, {"x", "y"}, {"sec-websocket-protocol", "a"}})),
            (Words{"b", "c", "a"}));
  EXPECT_EQ(protocols_of(with("sec-websocket-protocol", "mqtt, MQTT")), (Words{"mqtt", "MQTT"}));
}

TEST(JudgeUpgrade, RefusesMalformedProtocols) {
  for (const std::string value :
       {"", ",", "a,", ",a", "a,,b", "a, ,b", "a b", "a;b", "a/b", "\"a\"", "a\xc3\xa4", "a, a", "a,b,c,a"}) {
    expect_refused(with("sec-websocket-protocol", value), UpgradeError::malformed, value);
  }
  expect_refused(with_more({{"sec-websocket-protocol", "a"}, {"sec-websocket-protocol", "a"}}), UpgradeError::malformed,
                 "the same protocol in two fields");
  expect_refused(with_more({{"sec-websocket-protocol", "a"}, {"sec-websocket-protocol", ""}}), UpgradeError::malformed,
                 "an empty second field");
  expect_refused(with("sec-websocket-protocol", "b" + std::string(12'000, ' ') + "x"), UpgradeError::malformed,
                 "a gap");
}

TEST(JudgeUpgrade, DeclinesWellFormedExtensionsOfAnyKind) {
  for (const std::string value :
       {"permessage-deflate", "permessage-deflate; client_max_window_bits", "foo, bar; baz=2", "foo; bar=\"baz\"",
        "foo;bar=\"b\\az\" , x", "a;b;c=d;e=\"f\"", "foo ; bar = baz", "foo; bar; bar", "x-webkit-deflate-frame"}) {
    EXPECT_TRUE(accepts(with("sec-websocket-extensions", value))) << value;
  }
  EXPECT_TRUE(accepts(with_more({{"sec-websocket-extensions", "a"}, {"sec-websocket-extensions", "b; c"}})));
}

TEST(JudgeUpgrade, RefusesMalformedExtensions) {
  for (const std::string value : {"",
                                  ",",
                                  "a,",
                                  ",a",
                                  "a,,b",
                                  ";",
                                  "a;",
                                  "a;;b",
                                  "a; b=",
                                  "a; =b",
                                  "a; b=c d",
                                  "a b",
                                  "a; b=\"\"",
                                  "a; b=\"c",
                                  "a; b=\"c d\"",
                                  "a; b=\"c d",
                                  "a; b=c\"d\"",
                                  "a; b=\"c\"d",
                                  "a; b=\"c\\",
                                  "a; b=\"\\\"\"",
                                  "a=b",
                                  "\"a\"",
                                  "a; \"b\"",
                                  "a; b=\"c,d\"",
                                  "a/b",
                                  "a; b=\xc3\xa4"}) {
    expect_refused(with("sec-websocket-extensions", value), UpgradeError::malformed, value);
  }
  std::string backslashes = "a; b=\"";
  for (int i = 0; i < 10'000; ++i) { backslashes += '\\'; }
  expect_refused(with("sec-websocket-extensions", backslashes), UpgradeError::malformed, "many backslashes");
  expect_refused(with_more({{"sec-websocket-extensions", "a"}, {"sec-websocket-extensions", ";"}}),
                 UpgradeError::malformed, "a bad second field");
}

TEST(JudgeUpgrade, RefusesABody) {
  EXPECT_TRUE(accepts(with("content-length", "0")));
  expect_refused(with("content-length", "1"), UpgradeError::malformed, "a length");
  expect_refused(with("transfer-encoding", "chunked"), UpgradeError::malformed, "chunks");
}

TEST(AsksForWebsocket, LooksAtUpgradeOnly) {
  EXPECT_TRUE(asks_for_websocket(good_head()));
  RequestHead post = with("upgrade", "foo, WebSocket");
  post.method = "POST";
  EXPECT_TRUE(asks_for_websocket(post));
  EXPECT_FALSE(asks_for_websocket(without("upgrade")));
  EXPECT_FALSE(asks_for_websocket(with("upgrade", "h2c")));
  RequestHead old = good_head();
  old.version_minor = 0;
  EXPECT_FALSE(asks_for_websocket(old));
}

TEST(AcceptFor, GivesTheAnswersOfTheRfcs) {
  EXPECT_EQ(accept_for(sample_key), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");  // RFC 6455, section 1.3
  EXPECT_EQ(accept_for("x3JJHMbDL1EzLkh9GBhXDw=="), "HSmrc0sMlYUkAGmm5OPpG2HaGWk=");
}

TEST(SwitchingProtocols, IsAllOfThe101AndNoMore) {
  EXPECT_EQ(switching_protocols(Upgrade{sample_key, {}}, ""),
            "HTTP/1.1 101 Switching Protocols\r\n"
            "Upgrade: websocket\r\n"
            "Connection: Upgrade\r\n"
            "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
  EXPECT_EQ(switching_protocols(Upgrade{sample_key, {"mqtt", "binary"}}, "binary"),
            "HTTP/1.1 101 Switching Protocols\r\n"
            "Upgrade: websocket\r\n"
            "Connection: Upgrade\r\n"
            "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
            "Sec-WebSocket-Protocol: binary\r\n\r\n");
}

}  // namespace
}  // namespace bascule::wire::ws
