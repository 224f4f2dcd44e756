// A route to a service: which pages may open it, what passes between client and service, and how much of it.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "proxy/base/text.hpp"
#include "proxy/config/keys.hpp"
#include "proxy/config/presets.hpp"
#include "proxy/config/reader.hpp"
#include "proxy/config/values.hpp"
#include "proxy/wire/http/characters.hpp"

namespace bascule::config {

using policy::FrameRule;
using policy::OnExpiry;
using policy::OnReload;
using policy::OriginRule;
using policy::RefuseBy;
using policy::Route;
using policy::ToClient;

namespace {

constexpr std::size_t frame_bytes_min = 1024;
constexpr std::size_t frame_bytes_max = std::size_t{16} * 1024 * 1024;

constexpr std::array<std::pair<std::string_view, RefuseBy>, 2> ways_to_refuse{
    {{"http", RefuseBy::http}, {"close", RefuseBy::close}}};
constexpr std::array<std::pair<std::string_view, OnExpiry>, 2> ways_to_expire{
    {{"close", OnExpiry::close}, {"keep", OnExpiry::keep}}};
constexpr std::array<std::pair<std::string_view, OnReload>, 2> ways_to_reload{
    {{"keep", OnReload::keep}, {"close", OnReload::close}}};
constexpr std::array<std::pair<std::string_view, ToClient>, 3> kinds_to_client{
    {{"binary", ToClient::binary}, {"text", ToClient::text}, {"match", ToClient::match}}};

}  // namespace

void Reader::read_session(const Fields& fields, Route& route) {
  if (route.service() != nullptr && route.service()->is_echo()) {
    route.session.frames.text_from_client = true;
    route.session.frames.to_client = ToClient::match;
  }
  read_origins(fields, route.origins);
  // The route's own preset stands above what `defaults` write of what a preset says, and below its own words.
  for (const Fields& half : {fields.base(), fields.own()}) {
    read_protocol(half, route);
    read_subprotocols(half, route);
    read_frames(half, route.session.frames);
  }
  read_timeouts(fields, route.session.timeouts);
  read_limits(fields, route);
  read_bandwidth(fields, route.session.pace);
  if (const auto refuse = fields.word("refuse", ways_to_refuse)) { route.refuse = *refuse; }
  const auto on_expiry = fields.word("on_expiry", ways_to_expire);
  if (asks_nobody(fields)) {
    refuse_idle_key(fields.own(), "on_expiry", "asks for no proof that could be over");
  } else if (on_expiry) {
    route.on_expiry = *on_expiry;
  }
  if (const auto on_reload = fields.word("on_reload", ways_to_reload)) { route.on_reload = *on_reload; }
}

void Reader::read_origins(const Fields& fields, OriginRule& origins) {
  if (fields.find("origins") == nullptr) { return; }
  // Written, the list is exact.
  origins = OriginRule{.same = false, .missing = false};
  const std::array<std::pair<std::string_view, bool*>, 4> words{
      {{"same", &origins.same}, {"missing", &origins.missing}, {"opaque", &origins.opaque}, {"any", &origins.any}}};
  std::array<std::string_view, 4> names;
  std::transform(words.begin(), words.end(), names.begin(), [](const auto& row) { return row.first; });
  for (const YamlNode* item : fields.texts("origins")) {
    const std::string& text = item->text;
    const auto* const word =
        std::find_if(words.begin(), words.end(), [&](const auto& row) { return row.first == text; });
    if (word != words.end()) {
      *word->second = true;
    } else if (const auto near = closest(text, names); !near.empty() && text.find_first_of(":.") == std::string::npos) {
      fields.mistake(*item, fmt::format("{}: unknown word '{}'; did you mean '{}'?", fields.name_of("origins"),
                                        shown(text, 40), near));
    } else if (auto page = fields.accept(*item, "origins", parse_page_origin(text))) {
      (page->below ? origins.below : origins.exact).push_back(std::move(page->origin));
    }
  }
  fields.refuse_empty("origins", ", so nobody could come in; leave it out for [same, missing]");
}

void Reader::read_protocol(const Fields& fields, Route& route) {
  const std::string* written = fields.text("protocol");
  if (written == nullptr) { return; }
  if (const Preset* preset = find_preset(*written)) {
    FrameRule& frames = route.session.frames;
    const std::size_t max_bytes = frames.max_bytes;  // no preset's business
    route.protocol = preset->name;
    route.subprotocols = preset->subprotocols;
    frames = preset->frames;
    frames.max_bytes = max_bytes;
    return;
  }
  const YamlNode& node = *fields.find("protocol");
  if (*written == "xmpp" || *written == "irc") {
    fields.mistake(node, fmt::format("{}: '{}' is not supported by this version of bascule", fields.name_of("protocol"),
                                     *written));
    return;
  }
  std::vector<std::string_view> names;
  for (const Preset& known : presets()) { names.push_back(known.name); }
  std::string help = did_you_mean(*written, names);
  if (help.empty()) { help = fmt::format("; there are {}", fmt::join(names, ", ")); }
  fields.mistake(node,
                 fmt::format("{}: unknown protocol '{}'{}", fields.name_of("protocol"), shown(*written, 40), help));
}

void Reader::read_subprotocols(const Fields& fields, Route& route) {
  if (fields.find("subprotocols") == nullptr) { return; }
  fields.refuse_empty("subprotocols", "; leave it out for those of the protocol");
  route.subprotocols.clear();
  for (const YamlNode* item : fields.texts("subprotocols")) {
    if (!wire::http::is_token(item->text)) {
      fields.mistake(*item, fmt::format("{}: '{}' is no subprotocol; it has no spaces, commas or the like in it",
                                        fields.name_of("subprotocols"), shown(item->text, 80)));
    } else if (std::find(route.subprotocols.begin(), route.subprotocols.end(), item->text) !=
               route.subprotocols.end()) {
      fields.mistake(*item, fmt::format("{}: '{}' stands there twice", fields.name_of("subprotocols"), item->text));
    }
    route.subprotocols.push_back(item->text);
  }
}

void Reader::read_frames(const Fields& fields, FrameRule& frames) {
  const auto half = fields.map("frames", Section::frames, "frames: {from_client: [binary, text], to_client: match}");
  if (!half) { return; }
  const Fields& written = *half;
  if (written.find("from_client") != nullptr) {
    frames.binary_from_client = false;
    frames.text_from_client = false;
    for (const YamlNode* item : written.texts("from_client")) {
      if (item->text == "binary") {
        frames.binary_from_client = true;
      } else if (item->text == "text") {
        frames.text_from_client = true;
      } else {
        constexpr std::array<std::string_view, 2> kinds{"binary", "text"};
        const std::string help = did_you_mean(item->text, kinds);
        written.mistake(*item, fmt::format("{}: '{}' is no kind of frame{}", written.name_of("from_client"),
                                           shown(item->text, 40), help.empty() ? "; there are binary and text" : help));
      }
    }
    written.refuse_empty("from_client", "; binary, text or both");
  }
  if (const auto kind = written.word("to_client", kinds_to_client)) { frames.to_client = *kind; }
  if (const std::string* size = written.text("max")) {
    const auto bytes = written.accept(*written.find("max"), "max", parse_size(*size, frame_bytes_min, frame_bytes_max));
    if (bytes) { frames.max_bytes = *bytes; }
  }
}

}  // namespace bascule::config
