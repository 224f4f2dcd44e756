#include "proxy/config/presets.hpp"

#include <algorithm>

namespace bascule::config {

namespace {

using policy::FrameRule;
using policy::ToClient;

const std::vector<Preset>& table() {
  static const FrameRule binary{};
  // stompjs mixes kinds on one connection: its frames are text, or binary on request, but its heartbeats are always
  // text. So the kind of its last frame says nothing about what it would like to read, and `match` would waver with
  // each heartbeat. It reads either kind, and binary may be cut anywhere, where text must wait for whole characters.
  static const FrameRule text_too{.binary_from_client = true,
                                  .text_from_client = true,
                                  .to_client = ToClient::binary,
                                  .max_bytes = binary.max_bytes};

  static const std::vector<Preset> presets{
      // noVNC offers nothing, or `binary` where it is told so.
      {.name = "vnc", .subprotocols = {"binary"}, .frames = binary},
      // mqtt.js offers `mqtt`, or `mqttv3.1` for the protocol of that name, and fails without an answer.
      {.name = "mqtt", .subprotocols = {"mqtt", "mqttv3.1"}, .frames = binary},
      // stompjs offers all three, newest first, and fails without an answer.
      {.name = "stomp", .subprotocols = {"v12.stomp", "v11.stomp", "v10.stomp"}, .frames = text_too},
      // amqp-client offers nothing.
      {.name = "amqp", .subprotocols = {"binary"}, .frames = binary},
      // spice-html5 offers `binary` and fails without an answer.
      {.name = "spice", .subprotocols = {"binary"}, .frames = binary},
      {.name = "ssh", .subprotocols = {"binary"}, .frames = binary},
      {.name = "raw", .subprotocols = {"binary"}, .frames = binary},
  };
  return presets;
}

}  // namespace

std::span<const Preset> presets() {
  return table();
}

const Preset* find_preset(std::string_view name) {
  const auto found =
      std::find_if(table().begin(), table().end(), [&](const Preset& preset) { return preset.name == name; });
  return found == table().end() ? nullptr : &*found;
}

}  // namespace bascule::config
