#include "test/bench/options.hpp"

#include <fmt/format.h>

#include <charconv>
#include <limits>
#include <string_view>

namespace bascule::bench {
namespace {

template <typename Number>
Number number(std::string_view name, std::string_view word, Number least) {
  Number value{};
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc{} || end != word.data() + word.size() || value < least) {
    throw UsageError(fmt::format("{} takes a whole number of at least {}, not '{}'", name, least, word));
  }
  return value;
}

Work work_named(std::string_view word) {
  if (word == "down") { return Work::down; }
  if (word == "up") { return Work::up; }
  if (word == "echo") { return Work::echo; }
  if (word == "setup") { return Work::setup; }
  if (word == "steady") { return Work::steady; }
  if (word == "idle") { return Work::idle; }
  if (word == "hold") { return Work::hold; }
  if (word == "logins") { return Work::logins; }
  if (word == "handshakes") { return Work::handshakes; }
  if (word == "crowds") { return Work::crowds; }
  if (word == "verify") { return Work::verify; }
  throw UsageError(fmt::format("'{}' is no work that is known here", word));
}

Framing framing_named(std::string_view word) {
  if (word == "websocket") { return Framing::websocket; }
  if (word == "plain") { return Framing::plain; }
  throw UsageError(fmt::format("--framing takes websocket or plain, not '{}'", word));
}

Tls tls_named(std::string_view word) {
  if (word == "none") { return Tls::none; }
  if (word == "full") { return Tls::full; }
  if (word == "resumed") { return Tls::resumed; }
  throw UsageError(fmt::format("--tls takes none, full or resumed, not '{}'", word));
}

Handshake handshake_named(std::string_view word) {
  if (word == "none") { return Handshake::none; }
  if (word == "hello") { return Handshake::hello; }
  if (word == "whole") { return Handshake::whole; }
  throw UsageError(fmt::format("--flood-handshake takes none, hello or whole, not '{}'", word));
}

CrowdKind crowd_named(std::string_view word) {
  if (word == "none") { return CrowdKind::none; }
  if (word == "heads") { return CrowdKind::heads; }
  if (word == "bodies") { return CrowdKind::bodies; }
  if (word == "silent") { return CrowdKind::silent; }
  throw UsageError(fmt::format("--flood-crowd takes none, heads, bodies or silent, not '{}'", word));
}

Credential credential_named(std::string_view word) {
  if (word == "none") { return Credential::none; }
  if (word == "wrong") { return Credential::wrong; }
  throw UsageError(fmt::format("--flood-credential takes none or wrong, not '{}'", word));
}

void set(Options& options, std::string_view name, std::string_view value) {
  if (name == "--framing") {
    options.framing = framing_named(value);
  } else if (name == "--tls") {
    options.tls = tls_named(value);
  } else if (name == "--proxy-port") {
    options.proxy_port = number<std::uint16_t>(name, value, 1);
  } else if (name == "--proxy-host") {
    options.proxy_host = number<std::uint8_t>(name, value, 1);
  } else if (name == "--path") {
    options.path = value;
  } else if (name == "--service-port") {
    options.service_port = number<std::uint16_t>(name, value, 1);
  } else if (name == "--proxy-pid") {
    options.proxy = number<pid_t>(name, value, 1);
  } else if (name == "--sessions") {
    options.sessions = number<std::size_t>(name, value, 1);
  } else if (name == "--warm-up-ms") {
    options.warm_up = std::chrono::milliseconds(number<int>(name, value, 0));
  } else if (name == "--window-ms") {
    options.window = std::chrono::milliseconds(number<int>(name, value, 1));
  } else if (name == "--seed") {
    options.seed = number<std::uint64_t>(name, value, 0);
  } else if (name == "--message-bytes") {
    options.message_bytes = number<std::size_t>(name, value, 1);
  } else if (name == "--at-once") {
    options.at_once = number<std::size_t>(name, value, 1);
  } else if (name == "--resting") {
    options.resting = number<std::size_t>(name, value, 0);
  } else if (name == "--messages-a-second") {
    options.messages_a_second = number<std::size_t>(name, value, 1);
  } else if (name == "--flood-a-second") {
    options.flood_a_second = number<std::size_t>(name, value, 0);
  } else if (name == "--flood-credential") {
    options.flood_credential = credential_named(value);
  } else if (name == "--flood-handshake") {
    options.flood_handshake = handshake_named(value);
  } else if (name == "--flood-crowd") {
    options.flood_crowd = crowd_named(value);
  } else if (name == "--flood-under-way") {
    options.flood_under_way = number<std::size_t>(name, value, 1);
  } else {
    throw UsageError(fmt::format("unknown option '{}'", name));
  }
}

}  // namespace

std::string usage() {
  return "usage: bascule_load down|up|echo|setup|steady|idle|hold|logins|handshakes|crowds|verify\n"
         "                    --proxy-port PORT --service-port PORT --proxy-pid PID [--framing websocket|plain]\n"
         "                    [--tls none|full|resumed] [--sessions N] [--warm-up-ms N] [--window-ms N] [--seed N]\n"
         "echo also takes     [--message-bytes N] [--at-once N] [--resting N]\n"
         "steady              [--messages-a-second N]\n"
         "hold                [--proxy-host N] [--path PATH]\n"
         "logins              [--messages-a-second N] [--flood-a-second N] [--flood-credential none|wrong]\n"
         "handshakes          [--messages-a-second N] [--flood-handshake none|hello|whole] [--flood-under-way N]\n"
         "crowds              [--messages-a-second N] [--flood-crowd none|heads|bodies|silent] [--flood-under-way N]\n"
         "                    [--flood-a-second BYTES]\n"
         "\n"
         "Plays the clients and the service on both sides of a proxy on 127.0.0.1, and prints one JSON object that "
         "says\n"
         "what was moved and what it cost the proxy. scripts/bench starts it; test/bench/README.md explains it.\n";
}

Options read_options(int count, const char* const* words) {
  if (count < 2) { throw UsageError("what to do is missing"); }
  Options options;
  options.work = work_named(words[1]);
  for (int i = 2; i < count; i += 2) {
    if (i + 1 == count) { throw UsageError(fmt::format("{} takes a value", words[i])); }
    set(options, words[i], words[i + 1]);
  }
  if (options.proxy_port == 0 || options.service_port == 0 || options.proxy == 0) {
    throw UsageError("--proxy-port, --service-port and --proxy-pid must be given");
  }
  return options;
}

}  // namespace bascule::bench
