#include "proxy/config/presets.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "proxy/wire/http/characters.hpp"

namespace bascule::config {
namespace {

TEST(Presets, HaveTheNamesOfThePage) {
  std::set<std::string_view> names;
  for (const Preset& preset : presets()) { names.insert(preset.name); }
  EXPECT_EQ(names, (std::set<std::string_view>{"vnc", "mqtt", "stomp", "amqp", "spice", "ssh", "raw"}));
}

TEST(Presets, NameSubprotocolsThatMayStandInAnAnswer) {
  for (const Preset& preset : presets()) {
    EXPECT_FALSE(preset.subprotocols.empty()) << preset.name;
    for (const std::string& protocol : preset.subprotocols) { EXPECT_TRUE(wire::http::is_token(protocol)) << protocol; }
  }
}

TEST(Presets, AreFoundByTheirExactName) {
  ASSERT_NE(find_preset("stomp"), nullptr);
  EXPECT_EQ(find_preset("stomp")->subprotocols.front(), "v12.stomp");
  EXPECT_EQ(find_preset("STOMP"), nullptr);
  EXPECT_EQ(find_preset(""), nullptr);
}

// Heartbeats of stompjs are text, whatever its other frames are.
TEST(Presets, TakeTextWhereTheClientsSendIt) {
  for (const Preset& preset : presets()) {
    EXPECT_TRUE(preset.frames.binary_from_client) << preset.name;
    EXPECT_EQ(preset.frames.text_from_client, preset.name == "stomp") << preset.name;
    EXPECT_EQ(preset.frames.to_client, policy::ToClient::binary) << preset.name;
  }
}

}  // namespace
}  // namespace bascule::config
