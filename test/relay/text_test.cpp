// Text: which frames a route takes, and how a service's bytes become text that no border cuts.
#include <gtest/gtest.h>

#include "test/relay/desk.hpp"

namespace bascule::test {
namespace {

using policy::ToClient;
using relay::Cause;

const std::string snowman = "\xe2\x98\x83";  // three bytes

TEST(TextFromTheClient, GoesThroughAsItsBytesWhereTheRouteTakesText) {
  Desk desk;
  desk.rule.frames.text_from_client = true;
  desk.client.arrive(client_frame(op_text, "plain ") + client_frame(op_text, snowman.substr(0, 1), false) +
                     client_frame(op_continuation, snowman.substr(1)));
  desk.turn();
  EXPECT_EQ(desk.service.written(), "plain " + snowman);
}

TEST(TextFromTheClient, ThatIsNotUtf8EndsWith1007AtTheFirstWrongByte) {
  Desk desk;
  desk.rule.frames.text_from_client = true;
  desk.client.arrive(client_frame(op_text, "\xff", false));
  desk.turn();
  EXPECT_EQ(desk.close_frame().close_code(), 1007);
  EXPECT_EQ(desk.service.written(), "");
}

TEST(TextFromTheClient, ThatEndsWithinACharacterEndsWith1007) {
  Desk desk;
  desk.rule.frames.text_from_client = true;
  desk.client.arrive(client_frame(op_text, snowman.substr(0, 2)));
  desk.turn();
  EXPECT_EQ(desk.close_frame().close_code(), 1007);
}

TEST(BinaryFromTheClient, IsRefusedWith1003WhereTheRouteTakesOnlyText) {
  Desk desk;
  desk.rule.frames = {.binary_from_client = false, .text_from_client = true};
  desk.client.arrive(client_frame(op_binary, "x"));
  desk.turn();
  EXPECT_EQ(desk.close_frame().close_code(), 1003);
}

TEST(TextToTheClient, IsCutOnlyAtCharacterBordersHoweverTheServiceSendsIt) {
  const std::string text = "a" + snowman + "\xc3\xa9" + "\xf0\x9f\x8c\x8d" + "z";
  for (std::size_t first = 0; first <= text.size(); ++first) {
    for (std::size_t second = first; second <= text.size(); ++second) {
      Desk desk;
      desk.rule.frames.to_client = ToClient::text;
      for (const std::string& part : {text.substr(0, first), text.substr(first, second - first), text.substr(second)}) {
        if (!part.empty()) { desk.service.arrive(part); }
        desk.turn();
      }
      std::string got;
      for (const ServerFrame& frame : desk.frames()) {
        EXPECT_EQ(frame.opcode, op_text);
        Utf8Check check;
        EXPECT_TRUE(check.accept(bytes_of(frame.payload)) && check.complete()) << first << " " << second;
        got += frame.payload;
      }
      EXPECT_EQ(got, text) << first << " " << second;
    }
  }
}

TEST(TextToTheClient, BytesThatAreNoTextEndASessionOnARouteForTextOnly) {
  Desk desk;
  desk.rule.frames.to_client = ToClient::text;
  desk.service.arrive("\xff\xfe");
  desk.turn();
  EXPECT_EQ(desk.ending().cause, Cause::service_error);
  EXPECT_EQ(desk.close_frame().close_code(), 1011);
}

TEST(TextToTheClient, ACharacterThatTheServiceNeverFinishedIsAnErrorNotAnEnd) {
  Desk desk;
  desk.rule.frames.to_client = ToClient::text;
  desk.service.arrive("ok" + snowman.substr(0, 2));
  desk.service.end();
  desk.turn();
  EXPECT_EQ(desk.data_to_client(), "ok");
  EXPECT_EQ(desk.ending().cause, Cause::service_error);
  EXPECT_EQ(desk.close_frame().close_code(), 1011);
}

TEST(MatchingKind, IsBinaryUntilTheClientHasSpokenThenTheKindItUsedLast) {
  Desk desk;
  desk.rule.frames = {.binary_from_client = true, .text_from_client = true, .to_client = ToClient::match};
  desk.service.arrive("greeting");
  desk.turn();
  desk.client.arrive(client_frame(op_text, "hello"));
  desk.turn();
  desk.service.arrive("reply");
  desk.turn();
  desk.client.arrive(client_frame(op_binary, "data"));
  desk.turn();
  desk.service.arrive("more");
  desk.turn();
  const auto frames = desk.frames();
  ASSERT_EQ(frames.size(), 3U);
  EXPECT_EQ(frames[0].opcode, op_binary);
  EXPECT_EQ(frames[1].opcode, op_text);
  EXPECT_EQ(frames[2].opcode, op_binary);
}

TEST(MatchingKind, SendsWhatIsNotUtf8AsBinary) {
  Desk desk;
  desk.rule.frames = {.binary_from_client = true, .text_from_client = true, .to_client = ToClient::match};
  desk.client.arrive(client_frame(op_text, "hello"));
  desk.turn();
  desk.service.arrive("ok" + snowman.substr(0, 2));  // waits for the rest of a character
  desk.turn();
  desk.service.arrive("(no rest)");
  desk.turn();
  const auto frames = desk.frames();
  ASSERT_EQ(frames.size(), 2U);
  EXPECT_EQ(frames[0].opcode, op_text);
  EXPECT_EQ(frames[0].payload, "ok");
  EXPECT_EQ(frames[1].opcode, op_binary);
  EXPECT_EQ(frames[1].payload, snowman.substr(0, 2) + "(no rest)");
}

TEST(MatchingKind, LosesNotEvenHalfACharacterAtTheEnd) {
  Desk desk;
  desk.rule.frames = {.binary_from_client = true, .text_from_client = true, .to_client = ToClient::match};
  desk.client.arrive(client_frame(op_text, "hello"));
  desk.turn();
  desk.service.arrive(snowman.substr(0, 2));
  desk.service.end();
  desk.turn();
  EXPECT_EQ(desk.data_to_client(), snowman.substr(0, 2));
  EXPECT_EQ(desk.close_frame().close_code(), 1000);
}

}  // namespace
}  // namespace bascule::test
